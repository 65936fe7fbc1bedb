"""The file of a search: ranges and a request, and what is refused."""

from pathlib import Path

import pytest

optuna = pytest.importorskip("optuna", reason="needs the extra sweep")


from lander_rl.searching.space import SearchSpace  # noqa: E402
from lander_runtime.errors import InputRefused, UsageError  # noqa: E402
from lander_trainer import preset  # noqa: E402


def test_a_file_becomes_ranges_and_a_request(file: Path) -> None:
    space = SearchSpace.read(file)
    assert space.train.env == "CartPole-v1"
    assert space.kinds["learning_rate"] == optuna.distributions.FloatDistribution(1e-3, 6e-3, log=True)
    assert space.kinds["epochs"] == optuna.distributions.IntDistribution(1, 3)
    request = space.request({"learning_rate": 0.00123456789, "hidden_sizes": "8,8"})
    assert request.settings["learning_rate"] == 0.001235
    assert preset("CartPole-v1").with_values(request.settings).hidden_sizes == (8, 8)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("env =", "enw =", "Did you mean 'env'?"),
        ('env = "CartPole-v1"', "env = 3", "expected text as env, found '3'"),
        ("epochs", "epoch", "Did you mean 'epochs'?"),
        ("learning_rate", "ent_coef", "entropy_coef"),
        ("low = 1, high", "low = 5, high", "the range of epochs is none"),
        ("low = 1, high", "from = 1, high", "expected epochs = { low"),
        ("[[8], [8, 8]]", "[[]]", "hidden_sizes"),
        ("epochs =", "seed =", "seed cannot be searched"),
        ("[space]", "[spaces]", "Did you mean 'space'?"),
        ("log = true", "log = 1", "expected log = true or false, found '1'"),
        ("selections = 1", "epochs = 2", "'epochs' is both fixed and searched"),
    ],
)
def test_what_the_file_cannot_mean_is_refused(file: Path, old: str, new: str, named: str) -> None:
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(UsageError) as refused:
        SearchSpace.read(file)
    assert named in str(refused.value)


def test_no_file_and_no_toml(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="does not exist"):
        SearchSpace.read(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("env = ")
    with pytest.raises(InputRefused, match="TOML"):
        SearchSpace.read(tmp_path / "bad.toml")
    for text, named in (("a = " + 10_000 * "[", "no readable TOML"), ("#" * 20_000, "at most 16,384 bytes")):
        (tmp_path / "bad.toml").write_text(text)
        with pytest.raises(InputRefused, match=named):
            SearchSpace.read(tmp_path / "bad.toml")
