"""Zips of Stable-Baselines3: the exported file acts as `predict`; all else is refused by name."""

import io
import json
import pickle
import random
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lander_export import PeerOptions, load_source, peer_file
from lander_export.model import build_model
from lander_export.peers import read_stable_baselines
from lander_export.peers.peer import PeerSpaces
from lander_export.source import peer_graph
from lander_runtime import envs
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy.session import open_session
from lander_runtime.spec import EnvSpec, Space

SEED = 5
PICTURE = Space("Box", (36, 36, 3), "uint8", low=0.0, high=255.0)
IDS = {
    name: f"{name}-{version}"
    for name, version in (
        ("LunarLander", "v3"), ("LunarLanderContinuous", "v3"), ("CartPole", "v1"), ("Pendulum", "v1"),
    )
}  # fmt: skip
ACTING = [
    "ppo-LunarLander", "ppo-Pendulum", "a2c-relu-CartPole", "a2c-sde-Pendulum", "ppo-sde-squashed-Pendulum",
    "trpo-LunarLanderContinuous", "dqn-LunarLander", "qrdqn-CartPole", "sac-Pendulum", "sac-sde-Pendulum",
    "td3-elu-LunarLanderContinuous", "tqc-Pendulum", "ppo-cnn-pictures", "dqn-cnn-pictures",
    "sac-cnn-pictures",
    "ppo-vecnormalize-Pendulum",
]  # fmt: skip


def pictures() -> NDArray[np.uint8]:
    """As in make_sb3_zips.py: 3 x 3 squares, worked out from their positions."""
    mixed = (np.arange(27_000, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    blocks = (mixed >> np.uint64(56)).astype(np.uint8).reshape(1000, 3, 3, 3)
    return blocks.repeat(12, axis=1).repeat(12, axis=2)


def spaces_of(name: str) -> PeerSpaces:
    env = name.rsplit("-", maxsplit=1)[-1]
    if env == "pictures":
        box = Space("Box", (2,), "float32", low=[-1.0, 0.0], high=[3.0, 1.0])
        return PeerSpaces(
            "Pictures-v0", PICTURE, box if "sac" in name else Space("Discrete", (), "int64", n=3)
        )
    made = envs.make(envs.resolve(IDS[env]))
    observation, action = envs.describe_spaces(made)
    made.close()
    return PeerSpaces(IDS[env], observation, action)


def options_for(name: str, sb3: Path) -> PeerOptions:
    return (
        PeerOptions(normalizer=str(sb3 / "vecnormalize-Pendulum.pkl"))
        if "vecnormalize" in name
        else PeerOptions()
    )


# It acts as the library.


@pytest.mark.parametrize("name", ACTING)
def test_the_exported_graph_acts_as_predict(
    name: str, sb3: Path, predictions: Mapping[str, NDArray[Any]]
) -> None:
    spaces = spaces_of(name)
    policy = read_stable_baselines(sb3 / f"{name}.zip", spaces, options_for(name, sb3))
    graph = peer_graph(policy, spaces.action)
    content = build_model(graph, spaces.observation, graph.outputs).SerializeToString()
    env = name.rsplit("-", maxsplit=1)[-1].removesuffix("Continuous")
    observations = pictures() if env == "pictures" else predictions[env]
    session = open_session(read_model(content, name), name, "cpu")
    (actions,) = session.run(["action"], {"obs": observations})
    wanted = predictions[name]
    if spaces.action.n is not None:
        assert len(np.unique(wanted)) > 1
        assert np.array_equal(actions, wanted)
    else:
        scale = np.maximum(1.0, np.abs(wanted))
        assert float(np.max(np.abs(actions - wanted) / scale)) <= 1e-5


def test_what_was_found_and_assumed_is_said(sb3: Path) -> None:
    source = load_source(sb3 / "sac-Pendulum.zip", envs.resolve("Pendulum-v1"))
    notes = "; ".join(source.notes)
    for said in (
        "SAC of Stable-Baselines3", "ReLU (SAC's usual activation", "tanh, then rescaled",
        "assumed: no VecNormalize",
        "left out: actor.log_std.* (2 tensors), critic.qf0.*",
    ):  # fmt: skip
        assert said in notes
    training = source.training
    assert (training.algorithm, training.steps) == ("SAC (Stable-Baselines3)", 32)
    assert training.config["hidden_sizes"] == [8, 8]
    assert (source.license, source.reproduce) == ("unknown", None)


def test_sampling_is_exported_where_the_schema_can_express_it(sb3: Path) -> None:
    pendulum = spaces_of("ppo-Pendulum")
    plain = read_stable_baselines(sb3 / "ppo-Pendulum.zip", pendulum, PeerOptions()).log_std
    greedy = read_stable_baselines(sb3 / "sac-Pendulum.zip", pendulum, PeerOptions()).log_std
    assert plain is not None
    assert float(plain[0]) > -20.0
    assert greedy is not None
    assert greedy.tolist() == [-20.0]


# Normalised observations.


def test_a_policy_of_vecnormalize_is_refused_without_its_statistics(sb3: Path) -> None:
    path = sb3 / "ppo-vecnormalize-Pendulum.zip"
    with pytest.raises(InputRefused, match=r"behind VecNormalize.*--vecnormalize"):
        read_stable_baselines(path, spaces_of("Pendulum"), PeerOptions())
    raw = read_stable_baselines(path, spaces_of("Pendulum"), PeerOptions(normalizer="none"))
    assert "observations not normalised" in raw.notes


def test_statistics_beside_the_zip_are_not_overlooked(sb3: Path, tmp_path: Path) -> None:
    (tmp_path / "model.zip").write_bytes((sb3 / "sac-Pendulum.zip").read_bytes())
    (tmp_path / "vec_normalize.pkl").write_bytes((sb3 / "vecnormalize-Pendulum.pkl").read_bytes())
    with pytest.raises(InputRefused, match=r"vec_normalize\.pkl beside it"):
        read_stable_baselines(tmp_path / "model.zip", spaces_of("Pendulum"), PeerOptions())


def test_statistics_of_other_observations_are_refused(sb3: Path) -> None:
    options = PeerOptions(normalizer=str(sb3 / "vecnormalize-Pendulum.pkl"))
    with pytest.raises(InputRefused, match=r"observations \[3\]; the environment's are \[8\]"):
        read_stable_baselines(sb3 / "ppo-LunarLander.zip", spaces_of("LunarLander"), options)


# What is not known is refused by name.


@pytest.mark.parametrize(
    ("name", "env", "reason"),
    [
        ("recurrentppo-CartPole", "CartPole", "recurrent policy"),
        ("ppo-own-activation-CartPole", "CartPole", r"__main__\.Doubled"),
        ("ppo-LunarLander", "CartPole", r"observations \[8\]; CartPole-v1 has \[4\]"),
        ("ppo-LunarLander", "LunarLanderContinuous", "has discrete actions"),
        ("sac-Pendulum", "LunarLander", r"observations \[3\]"),
        ("trpo-LunarLanderContinuous", "LunarLander", "has continuous actions"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, env: str, reason: str, sb3: Path) -> None:
    with pytest.raises(InputRefused, match=reason):
        read_stable_baselines(sb3 / f"{name}.zip", spaces_of(env), PeerOptions())


def test_other_bounds_are_refused(sb3: Path) -> None:
    spaces = spaces_of("Pendulum")
    wider = PeerSpaces("Wide-v0", spaces.observation, Space("Box", (1,), "float32", low=-3.0, high=3.0))
    with pytest.raises(InputRefused, match=r"actions whose low is \[-2\.\]"):
        read_stable_baselines(sb3 / "sac-Pendulum.zip", wider, PeerOptions())


def test_options_that_the_file_answers_are_refused(sb3: Path) -> None:
    with pytest.raises(UsageError, match="--activation"):
        read_stable_baselines(sb3 / "sac-Pendulum.zip", spaces_of("Pendulum"), PeerOptions(activation="relu"))


def changed(
    sound: Path,
    path: Path,
    data: Callable[[dict[str, Any]], None] = lambda data: None,
    **members: bytes | None,
) -> Path:
    """A copy of a zip with its JSON and some members changed."""
    with zipfile.ZipFile(sound) as archive:
        content: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    parsed = json.loads(content["data"] or b"")
    data(parsed)
    content |= {"data": json.dumps(parsed).encode(), **{k.replace("__", "."): v for k, v in members.items()}}
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in content.items():
            if value is not None:
                archive.writestr(name, value)
    return path


def saved(content: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def weights_of(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        return torch.load(io.BytesIO(archive.read("policy.pth")), weights_only=True)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (
            "policy_class",
            {"__module__": "__main__", "__init__": "<function Mine.__init__ at 0x1>"},
            "__main__.Mine",
        ),
        ("policy_class", None, "its policy is 'nothing.'"),
        ("policy_kwargs", {"features_extractor_class": "<class '__main__.Mine'>"}, "features come from"),
        ("policy_kwargs", {"use_lstm": True}, "use_lstm"),
        ("policy_kwargs", {"clip_mean": "much"}, "clip_mean"),
        ("policy_kwargs", {"normalize_images": "no"}, "normalize_images"),
    ],
)
def test_texts_that_are_not_known_are_refused(
    key: str, value: Any, reason: str, sb3: Path, tmp_path: Path
) -> None:
    path = changed(sb3 / "ppo-LunarLander.zip", tmp_path / "a.zip", lambda data: data.update({key: value}))
    with pytest.raises(InputRefused, match=reason):
        read_stable_baselines(path, spaces_of("LunarLander"), PeerOptions())


@pytest.mark.parametrize(
    "policy",
    [
        "sb3_contrib.common.maskable.policies.MaskableActorCriticPolicy",
        "sb3_contrib.crossq.policies.CrossQPolicy",
        "sb3_contrib.ars.policies.ARSPolicy",
        "stable_baselines3.common.policies.MultiInputActorCriticPolicy",
        "stable_baselines3.dqn.policies.MultiInputPolicy",
    ],
)
def test_other_policies_are_refused_with_a_way_out(policy: str, sb3: Path, tmp_path: Path) -> None:
    module, _, name = policy.rpartition(".")
    described = {"__module__": module, "__init__": f"<function {name}.__init__ at 0x1>"}
    path = changed(
        sb3 / "ppo-LunarLander.zip", tmp_path / "a.zip", lambda data: data.update(policy_class=described)
    )
    with pytest.raises(InputRefused, match=r"its policy is .*lander eval FILE\.onnx"):
        read_stable_baselines(path, spaces_of("LunarLander"), PeerOptions())


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ([], "a Discrete observation"),
        ([32], r"observations \[32\]; LunarLander-v3 has \[8\]\. Where VecFrameStack put 4"),
        ([9], r"observations \[9\]; LunarLander-v3 has \[8\]\.$"),
    ],
)
def test_other_observations_are_named(shape: list[int], reason: str, sb3: Path, tmp_path: Path) -> None:
    path = changed(
        sb3 / "ppo-LunarLander.zip",
        tmp_path / "a.zip",
        lambda data: data.update(observation_space={"_shape": shape}),
    )
    with pytest.raises(InputRefused, match=reason):
        read_stable_baselines(path, spaces_of("LunarLander"), PeerOptions())


@pytest.mark.parametrize(
    "name",
    [
        "mlp_extractor.shared_net.0.weight",
        "features_extractor.net.0.weight",
        "mlp_extractor.policy_net.6.weight",
    ],
)
def test_weights_that_are_not_known_are_refused(name: str, sb3: Path, tmp_path: Path) -> None:
    sound = sb3 / "ppo-LunarLander.zip"
    weights = {**weights_of(sound), name: torch.ones(8, 8)}
    path = changed(sound, tmp_path / "a.zip", policy__pth=saved(weights))
    with pytest.raises(InputRefused, match="weights that are not known"):
        read_stable_baselines(path, spaces_of("LunarLander"), PeerOptions())


# Hostile zips.


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


def test_pickles_in_a_zip_are_not_run(sb3: Path, tmp_path: Path) -> None:
    bomb = Bomb(tmp_path / "exploded")
    sound = sb3 / "ppo-LunarLander.zip"
    path = changed(
        sound,
        tmp_path / "a.zip",
        lambda data: data["policy_class"].update({":serialized:": pickle.dumps(bomb).hex()}),
        policy__pth=saved({**weights_of(sound), "log_std": bomb}),
        pytorch_variables__pth=saved(bomb),
    )
    with pytest.raises(InputRefused, match="not a plain PyTorch state dict"):
        read_stable_baselines(path, spaces_of("LunarLander"), PeerOptions())
    assert not (tmp_path / "exploded").exists()


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, sb3: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("data", "w") as member:
        for _ in range(80):
            member.write(bytes(2**20))
    assert path.stat().st_size < 200_000
    with pytest.raises(InputRefused, match="says it has 83,886,080 bytes"):
        read_stable_baselines(path, spaces_of("LunarLander"), PeerOptions())


def test_a_bomb_inside_the_weights_is_not_unpacked(tmp_path: Path, sb3: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(weights_of(sb3 / "ppo-LunarLander.zip")))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    path = changed(sb3 / "ppo-LunarLander.zip", tmp_path / "a.zip", policy__pth=inner.getvalue())
    with pytest.raises(InputRefused, match="compressed or too large"):
        read_stable_baselines(path, spaces_of("LunarLander"), PeerOptions())


def test_tensors_of_more_numbers_than_the_file_has_are_refused(tmp_path: Path, sb3: Path) -> None:
    sound = sb3 / "ppo-LunarLander.zip"
    weights = {**weights_of(sound), "action_net.weight": torch.zeros(1).expand(10**8, 8)}
    path = changed(sound, tmp_path / "a.zip", policy__pth=saved(weights))
    with pytest.raises(InputRefused, match="holds fewer"):
        read_stable_baselines(path, spaces_of("LunarLander"), PeerOptions())


@pytest.mark.parametrize("missing", ["data", "policy__pth"])
def test_a_zip_without_its_members_is_refused(missing: str, tmp_path: Path, sb3: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(sb3 / "ppo-LunarLander.zip") as archive, zipfile.ZipFile(path, "w") as less:
        for name in archive.namelist():
            if name != missing.replace("__", "."):
                less.writestr(name, archive.read(name))
    with pytest.raises(InputRefused, match="has no"):
        read_stable_baselines(path, spaces_of("LunarLander"), PeerOptions())


@pytest.mark.filterwarnings("ignore")  # of what PyTorch finds odd in a broken file
def test_a_damaged_zip_is_read_or_refused(tmp_path: Path, sb3: Path) -> None:
    spaces, path = spaces_of("LunarLander"), tmp_path / "a.zip"
    # Without compression, so that damage reaches what is inside.
    sound = changed(sb3 / "ppo-LunarLander.zip", tmp_path / "sound.zip").read_bytes()
    generator = random.Random(SEED)
    refused = 0
    for _ in range(300):
        damaged = bytearray(sound)
        for _ in range(generator.choice([1, 3, 20])):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        path.write_bytes(damaged[: generator.choice([len(damaged), generator.randrange(len(damaged))])])
        try:
            read_stable_baselines(path, spaces, PeerOptions())
        except InputRefused:
            refused += 1
    assert refused > 100


# Folders as on the Hub.


def test_a_folder_with_one_model_is_that_model(tmp_path: Path, sb3: Path) -> None:
    (tmp_path / "ppo.zip").write_bytes((sb3 / "ppo-LunarLander.zip").read_bytes())
    with zipfile.ZipFile(tmp_path / "train_eval_metrics.zip", "w") as archive:
        archive.writestr("evaluations.npz", b"")
    (tmp_path / "README.md").touch()
    assert peer_file(tmp_path) == tmp_path / "ppo.zip"
    (tmp_path / "best.zip").write_bytes((sb3 / "ppo-LunarLander.zip").read_bytes())
    with pytest.raises(InputRefused, match=r"2 models \(best\.zip, ppo\.zip\)"):
        peer_file(tmp_path)


def test_a_folder_with_an_onnx_file_says_what_to_type(tmp_path: Path) -> None:
    assert peer_file(tmp_path) is None
    (tmp_path / "policy.onnx").touch()
    with pytest.raises(InputRefused, match=r"lander eval .*policy\.onnx"):
        peer_file(tmp_path)


def test_a_zip_does_not_name_its_environment(sb3: Path) -> None:
    with pytest.raises(UsageError, match="--env"):
        load_source(sb3 / "ppo-LunarLander.zip")


def test_a_zip_goes_through_the_gate(sb3: Path, tmp_path: Path) -> None:
    from lander_export import export

    source = load_source(sb3 / "sac-Pendulum.zip", EnvSpec("Pendulum-v1"))
    made = export(source, tmp_path / "policy.onnx", episodes=1, gif=False)
    card = made.card.read_text(encoding="utf-8")
    assert made.info.license == "unknown"
    assert "SAC (Stable-Baselines3), 32 environment steps." in card
    for claim in (
        "On unknown",
        "with .",
        "neither for training",
        "weights of unknown",
        "mean of the Gaussian",
    ):
        assert claim not in card
