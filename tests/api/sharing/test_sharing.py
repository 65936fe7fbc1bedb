"""Policies on the Hub: there and back, what is checked, other people's files, and no token anywhere."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub", reason="needs the extra hub")

import lander_rl
from hub_stand_in import TOKEN, Hub, Repo
from lander_rl import CheckFailed, InputRefused, MachineLacks, UsageError
from lander_rl.sharing import card
from lander_rl.sharing.hub import Repository, look
from lander_runtime.policy.metadata import PolicyInfo

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def cart_pole(trained: Any, tmp_path: Path) -> Path:
    """A run's folder with a policy file that claims a score over 3 episodes."""
    folder = tmp_path / "run"
    shutil.copytree(trained.run.path, folder)
    lander_rl.export(folder, episodes=3, gif=False)
    return folder


def test_there_and_back(hub: Hub, cart_pole: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (cart_pole / "policy.gif").write_bytes(b"GIF89a")
    (cart_pole / "replay.jsonl.gz").write_bytes(b"replay")
    pushed = lander_rl.push(cart_pole, "me/cart", private=True, replay=cart_pole / "replay.jsonl.gz")
    assert set(pushed.files) == {
        "policy.onnx", "README.md", "lander.json", "policy.gif", "config.toml", "replay.jsonl.gz",
    }  # fmt: skip
    assert "the same" in pushed.score
    assert hub.repos["me/cart"].private
    assert TOKEN in hub.tokens

    pulled = lander_rl.pull("me/cart", check=True)
    assert pulled.model == Path("hub/me/cart/policy.onnx")
    assert pulled.model.read_bytes() == (cart_pole / "policy.onnx").read_bytes()
    assert pulled.pushed is not None
    assert pulled.score is not None
    assert pulled.pushed.report_sha256 == pulled.score.report.sha256
    assert "the report has the digest that was noted then" in repr(pulled)
    assert pulled.env == "CartPole-v1"
    assert pulled.next_command == ["lander", "eval", "hub/me/cart/policy.onnx"]
    assert pulled.score is not None
    assert pulled.score.failure is None
    assert "CartPole-v1" in repr(pulled)

    asked = len(hub.asked)
    again = lander_rl.pull("me/cart", "cached", offline=True)
    assert len(hub.asked) == asked
    assert again.model.read_bytes() == pulled.model.read_bytes()
    told = "".join(capfd.readouterr()) + repr(pushed) + repr(pulled) + json.dumps(pulled.to_json())
    written = [path.read_bytes() for path in Path().rglob("*") if path.is_file()]
    assert TOKEN not in told
    assert all(TOKEN.encode() not in content for content in written)


def test_links_out_of_the_folder_are_plain_on_the_hub() -> None:
    card_of_run = "See [the page](../../docs/score.md), ![it](policy.gif) and [the Hub](https://hf.co).\n"
    info = PolicyInfo.read(DATA / "tiny-discrete.onnx")
    text = card.render("me/tiny", info, "0" * 64, card_of_run)
    assert text.endswith("See the page, ![it](policy.gif) and [the Hub](https://hf.co).\n")


def test_the_cards_header_is_what_the_hub_reads(cart_pole: Path) -> None:
    yaml = pytest.importorskip("yaml")
    info = PolicyInfo.read(cart_pole / "policy.onnx")
    text = card.render("me/cart", info, "0" * 64, "# The card\n")
    start, header, body = text.split("---\n", 2)
    assert (start, body) == ("", "\n# The card\n")
    data = yaml.safe_load(header)
    assert data["library_name"] == "lander-rl"
    assert data["pipeline_tag"] == "reinforcement-learning"
    assert data["license"] == "mit"
    [result] = data["model-index"][0]["results"]
    assert result["dataset"] == {"name": "CartPole-v1", "type": "CartPole-v1"}
    score = info.evaluation
    assert score is not None
    assert result["metrics"][0]["value"] == f"{score.mean_return:.2f} +/- {score.std_return:.2f}"
    assert result["metrics"][0]["args"]["first_seed"] == 1_000_000
    # huggingface_hub is what reads it there.
    from huggingface_hub import ModelCard

    assert ModelCard(text).data.eval_results[0].dataset_name == "CartPole-v1"


def test_a_claim_that_does_not_hold_is_neither_pushed_nor_believed(hub: Hub, cart_pole: Path) -> None:
    import onnx

    model = onnx.load(cart_pole / "policy.onnx")
    metadata = json.loads(model.metadata_props[0].value)
    evaluation = metadata["evaluation"]
    for name in [key for key in evaluation if key.endswith(("_return", "minus_std", "ci95"))]:
        more = 400.0 if name != "std_return" and not name.startswith("success") else 0.0
        value = evaluation[name]
        evaluation[name] = [each + more for each in value] if isinstance(value, list) else value + more
    claimed = evaluation["mean_return"]
    model.metadata_props[0].value = json.dumps(metadata)
    (cart_pole / "policy.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(
        CheckFailed, match=rf"Nothing was pushed\. The file claims a mean return of {claimed:.1f}"
    ):
        lander_rl.push(cart_pole, "me/cart")
    assert hub.repos == {}
    lander_rl.push(cart_pole, "me/cart", check=False)
    with pytest.raises(CheckFailed, match=f"The file claims a mean return of {claimed:.1f}"):
        lander_rl.pull("me/cart", check=True)


def test_what_is_to_be_private_is_not_put_where_all_can_see_it(hub: Hub) -> None:
    hub.repos["me/open"] = Repo({"README.md": b""})
    with pytest.raises(UsageError, match="everybody can see it"):
        lander_rl.push(DATA / "tiny-discrete.onnx", "me/open", private=True)
    assert set(hub.repos["me/open"].files) == {"README.md"}


def test_the_hub_is_asked_before_episodes_run(
    hub: Hub, cart_pole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise AssertionError("episodes were run first")

    monkeypatch.setattr("lander_rl.sharing.pushing.check_score", fail)
    hub.repos["me/open"] = Repo({"README.md": b""})
    with pytest.raises(UsageError, match="everybody can see it"):
        lander_rl.push(cart_pole, "me/open", private=True)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(MachineLacks, match="cannot be reached") as raised:
        lander_rl.push(cart_pole, "me/cart")
    assert "offline" not in str(raised.value), "push has no such option"
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.utils._headers.get_token", lambda: None)
    with pytest.raises(MachineLacks, match=r"You are not logged in.*hf auth login"):
        lander_rl.push(cart_pole, "me/cart")
    assert "me/cart" not in hub.repos


@pytest.mark.parametrize("hindrance", ["no login", "no connection", "offline"])
def test_the_users_own_files_come_before_the_hub(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, hindrance: str
) -> None:
    if hindrance == "no login":
        monkeypatch.delenv("HF_TOKEN")
        monkeypatch.setattr("huggingface_hub.utils._headers.get_token", lambda: None)
    elif hindrance == "no connection":
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    else:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputRefused, match=r"nope\.onnx does not exist"):
        lander_rl.push("nope.onnx", "me/name")
    with pytest.raises(InputRefused, match=r"nope\.jsonl\.gz does not exist"):
        lander_rl.push(DATA / "tiny-discrete.onnx", "me/name", replay="nope.jsonl.gz")
    with pytest.raises(MachineLacks):
        lander_rl.push(DATA / "tiny-discrete.onnx", "me/name")


@pytest.mark.parametrize("there", [True, False], ids=["other files", "no repository yet"])
def test_what_somebody_else_pushed_meanwhile_is_not_replaced(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """Two that push to one name at a time: the second to arrive is told, and replaces nothing."""
    if there:
        hub.repos["me/both"] = Repo({"policy.onnx": b"before"})
    theirs = Repo({"policy.onnx": b"theirs"})
    rendered = card.render

    def pushed_meanwhile(*given: Any) -> str:
        hub.repos["me/both"] = theirs
        return rendered(*given)

    monkeypatch.setattr(card, "render", pushed_meanwhile)
    with pytest.raises(InputRefused, match=r"me/both has changed meanwhile.*Nothing was pushed"):
        lander_rl.push(DATA / "tiny-discrete.onnx", "me/both", check=False)
    assert theirs.files == {"policy.onnx": b"theirs"}
    monkeypatch.setattr(card, "render", rendered)
    lander_rl.push(DATA / "tiny-discrete.onnx", "me/both", check=False)
    assert len(theirs.files) > 1


def test_another_file_than_the_one_that_was_pushed(hub: Hub) -> None:
    lander_rl.push(DATA / "tiny-discrete.onnx", "me/tiny")
    hub.repos["me/tiny"].files["policy.onnx"] = (DATA / "tiny-continuous.onnx").read_bytes()
    with pytest.raises(InputRefused, match="It is not the file that was pushed"):
        lander_rl.pull("me/tiny")
    assert not Path("hub").exists()


def test_a_damaged_file_is_not_written(hub: Hub) -> None:
    content = bytearray((DATA / "tiny-discrete.onnx").read_bytes())
    content[len(content) // 2] ^= 255
    hub.repos["me/broken"] = Repo({"policy.onnx": bytes(content)})
    with pytest.raises((InputRefused, CheckFailed)):
        lander_rl.pull("me/broken")
    assert not Path("hub").exists()


def test_what_others_put_there(hub: Hub) -> None:
    model = (DATA / "sb3" / "ppo-LunarLander.zip").read_bytes()
    theirs = (DATA / "sb3-ppo-discrete.onnx").read_bytes()
    result = {
        "task": {"type": "reinforcement-learning", "name": "reinforcement-learning"},
        "dataset": {"name": "LunarLander-v3", "type": "LunarLander-v3"},
        "metrics": [{"type": "mean_reward", "value": "250.00 +/- 20.00", "name": "mean_reward"}],
    }
    index = {"model-index": [{"name": "PPO", "results": [result]}]}
    zipped = {
        "ppo-lander.zip": model,
        "ppo-lander/data": b"{}",
        "train_eval_metrics.zip": b"",
        "b\x1b.zip": b"",
    }
    hub.repos["sb3/zip"] = Repo(zipped, card=index)
    hub.repos["sb3/onnx"] = Repo({"model.onnx": theirs})
    hub.repos["sb3/many"] = Repo({"a.zip": b"", "b.zip": b""})
    hub.repos["sb3/none"] = Repo({"sub/policy.onnx": theirs, "README.md": b"# nothing"})

    pulled = lander_rl.pull("sb3/zip")
    assert pulled.info is None
    assert [path.name for path in pulled.files] == ["ppo-lander.zip"]
    command = "lander export hub/sb3/zip/ppo-lander.zip --env LunarLander-v3"
    assert pulled.next_command == command.split()
    assert lander_rl.pull("sb3/onnx").next_command[-2:] == ["--env", "ID"]
    with pytest.raises(InputRefused, match=r"several models \(a.zip, b.zip\)"):
        lander_rl.pull("sb3/many")
    assert lander_rl.pull("sb3/many", file="b.zip").model.name == "b.zip"
    with pytest.raises(InputRefused, match="has no policy"):
        lander_rl.pull("sb3/none")
    with pytest.raises(InputRefused, match=r"has no model '\.\./x\.zip'"):
        lander_rl.pull("sb3/many", file="../x.zip")


def test_what_is_private_or_not_there(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repos["me/secret"] = Repo({"policy.onnx": b""}, private=True)
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    for name in ("me/secret", "me/missing"):
        with pytest.raises(InputRefused, match=r"or it is private and you are not logged in.*hf auth login"):
            lander_rl.pull(name)
    with pytest.raises(MachineLacks, match="is not in the cache"):
        lander_rl.pull("me/secret", offline=True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MachineLacks, match="HF_HUB_OFFLINE"):
        lander_rl.push(DATA / "tiny-discrete.onnx", "me/tiny")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(MachineLacks, match=r"cannot be reached.*offline takes"):
        lander_rl.pull("me/secret")


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, InputRefused, "answered 401: it does not let you"),
        (403, InputRefused, "answered 403: it does not let you"),
        (404, InputRefused, "answered 404: a file that it lists"),
        (429, MachineLacks, "answered 429 about me/tiny: it was asked too often"),
        (500, MachineLacks, "answered 500 about me/tiny"),
    ],
)
def test_an_error_while_a_file_is_taken(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capfd: Any, method: str, status: int, kind: Any, said: str
) -> None:
    # That library tries again for half a minute.
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    hub.repos["me/tiny"] = Repo({"policy.onnx": (DATA / "tiny-discrete.onnx").read_bytes()})
    hub.failing = (method, status)
    with pytest.raises(kind, match=said):
        lander_rl.pull("me/tiny")
    assert not Path("hub").exists()
    # Its warnings hold addresses.
    assert "http" not in capfd.readouterr().err


@pytest.mark.parametrize("name", ["alone", "a/b/c", "../etc", "a/..", "-a/b", "a/b c", "a/" + "b" * 100])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(UsageError, match="USER/NAME"):
        lander_rl.pull(name)


def test_a_large_file_is_refused_by_its_size(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lander_rl.sharing.taking.USUAL_FILE_BYTES", 100)
    hub.repos["me/large"] = Repo({"policy.onnx": bytes(101)})
    with pytest.raises(InputRefused, match="Add large"):
        lander_rl.pull("me/large")
    assert not any("resolve" in one for one in hub.asked)


@pytest.mark.parametrize("name", ["", "../../etc", "a\0b", "x" * 300])
def test_what_is_no_revision(name: str) -> None:
    with pytest.raises(UsageError, match="should be a branch, a tag or a commit"):
        lander_rl.pull("me/lander", revision=name)


def test_a_place_that_cannot_be_written_is_refused_before_the_hub_is_asked(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is not a folder"):
        lander_rl.pull("me/lander", tmp_path / "file")
    assert not hub.asked


@pytest.mark.parametrize(
    "answer",
    [
        [1], None,
        {"id": "me/odd", "sha": None, "siblings": []},
        {"id": "me/odd", "sha": "../../../etc", "siblings": []},
        {"id": "me/odd", "sha": "0" * 40, "siblings": [{"rfilename": 5}]},
        {"id": "me/odd", "sha": "0" * 40, "siblings": [{"rfilename": "policy.onnx", "size": "x"}]},
    ],
)  # fmt: skip
def test_answers_that_are_none_of_the_hubs(hub: Hub, answer: Any) -> None:
    hub.odd = answer
    with pytest.raises(InputRefused, match="What the Hub answered about me/odd cannot be read"):
        lander_rl.pull("me/odd")


def test_a_repository_that_changes_while_it_is_taken(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (DATA / "tiny-discrete.onnx").read_bytes()
    hub.repos["me/moving"] = Repo({"policy.onnx": content})
    looked = look

    def look_and_change(repository: str, revision: str | None) -> Repository:
        found = looked(repository, revision)
        hub.repos[repository].files["more.txt"] = b"more"
        return found

    monkeypatch.setattr("lander_rl.sharing.hub.look", look_and_change)
    with pytest.raises(InputRefused, match="was changed while it was taken"):
        lander_rl.pull("me/moving")
    assert not Path("hub").exists()


def test_what_lies_elsewhere_is_not_pushed(hub: Hub, tmp_path: Path) -> None:
    shutil.copy(DATA / "tiny-discrete.onnx", tmp_path / "policy.onnx")
    (tmp_path / "secret").write_text("secret")
    for name in ("policy.gif", "policy.md"):
        (tmp_path / name).symlink_to(tmp_path / "secret")
    lander_rl.push(tmp_path / "policy.onnx", "me/linked")
    files = hub.repos["me/linked"].files
    assert "policy.gif" not in files
    assert not any(b"secret" in content for content in files.values())


def test_a_card_that_is_no_text_is_refused(hub: Hub, tmp_path: Path) -> None:
    shutil.copy(DATA / "tiny-discrete.onnx", tmp_path / "policy.onnx")
    (tmp_path / "policy.md").write_bytes(b"\xff")
    with pytest.raises(InputRefused, match="not UTF-8 text"):
        lander_rl.push(tmp_path / "policy.onnx", "me/card")
    assert not hub.repos
