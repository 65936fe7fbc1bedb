"""The backend `native`: the table of `backends/base.py`, Gymnasium's first episodes, states and refusals."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest

import lander_trainer.backends as backends
import lander_trainer.trainer as trainer
from lander_runtime import envs
from lander_runtime.errors import InputRefused, MachineLacks, UsageError
from lander_runtime.seeds import FIRST_SELECTION_SEED
from lander_runtime.spec import EnvSpec, WrapperSpec
from lander_simulator import STATE, why_unavailable
from lander_trainer import Checkpoint, RunDirectory, TrainConfig, train
from lander_trainer.backends import RestorableBackend, choose_backend, choose_workers, open_backend
from lander_trainer.backends.lanes import episode_seed
from lander_trainer.backends.native import native_returns
from lander_trainer.plan import check_trainable, plan_training, trains_natively
from lander_trainer.ppo.distributions import distribution_of
from lander_trainer.selection import selection_score
from trainer_helpers import equal, settings, tensors, timeless_rows, train_until, updates_in

compiled = pytest.mark.skipif(why_unavailable() is not None, reason=str(why_unavailable()))

DISCRETE, CONTINUOUS = "LunarLander-v3", "LunarLanderContinuous-v3"
WINDY = {"enable_wind": True, "wind_power": 10.0, "turbulence_power": 1.0, "gravity": -8.0}


@pytest.fixture
def native() -> Any:
    """(id, lanes, seed, options of the spec) -> an open backend."""
    opened = []

    def one(
        env_id: str = DISCRETE, lanes: int = 4, seed: int = 7, threads: int = 1, **options: Any
    ) -> RestorableBackend:
        spec = replace(envs.resolve(env_id, options.pop("kwargs", None)), **options)
        opened.append(open_backend("native", spec, lanes, seed, threads))
        assert isinstance(opened[-1], RestorableBackend)
        return opened[-1]

    yield one
    for backend in opened:
        backend.close()


def random_actions(backend: RestorableBackend, env_id: str, calls: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    if env_id == DISCRETE:
        return rng.integers(0, 4, (calls, backend.lanes))
    return rng.uniform(-1, 1, (calls, backend.lanes, 2)).astype(np.float32)


def steps(backend: RestorableBackend, actions: Any) -> list[list[np.ndarray]]:
    return [[part.copy() for part in backend.step(row)] for row in actions]


def same(one: list[list[np.ndarray]], other: list[list[np.ndarray]]) -> bool:
    return all(
        np.array_equal(a, b) for s, t in zip(one, other, strict=True) for a, b in zip(s, t, strict=True)
    )


# The table of backends/base.py.


@compiled
@pytest.mark.parametrize("env_id", [DISCRETE, CONTINUOUS])
def test_ends_are_told_apart_and_the_next_step_only_resets(native: Callable[..., Any], env_id: str) -> None:
    backend = native(env_id, max_episode_steps=95)
    first = before = backend.reset()
    assert (backend.name, backend.lanes, first.dtype, first.shape) == ("native", 4, np.float32, (4, 8))
    dummy, length = np.zeros(4, bool), np.zeros(4, int)
    crashes = cuts = 0
    for obs, rewards, terminated, truncated in steps(backend, random_actions(backend, env_id, 400)):
        assert [part.dtype for part in (obs, rewards, terminated, truncated)] == [np.float32] * 2 + [bool] * 2
        assert not np.any(terminated & truncated)
        assert not np.any((terminated | truncated)[dummy])
        assert not np.any(rewards[dummy])
        assert np.all(np.abs(obs[dummy, 0]) < 0.02)
        assert np.all(np.abs(obs[dummy, 1] - 1.4) < 0.1)
        length = np.where(dummy, 0, length + 1)
        assert np.array_equal(truncated, (length == 95) & ~terminated)
        assert np.all(rewards[terminated] == -100)
        # The last observation is the end's own, near the one before it, not the next episode's.
        assert np.all(np.abs(obs - before)[~dummy, :2] < 0.1)
        before = obs
        crashes += terminated.sum()
        cuts += truncated.sum()
        dummy = terminated | truncated
    assert crashes > 0
    assert cuts > 0


@compiled
def test_episode_is_truncated_after_1000_steps(native: Callable[..., Any]) -> None:
    # Hovering: the main engine whenever the lander sinks, the side engines against its turning.
    backend = native(CONTINUOUS, lanes=8)
    obs = backend.reset()
    lengths, ended = np.zeros(8, int), np.zeros(8, bool)
    limit = np.zeros(8, bool)
    for _ in range(1001):
        lift = np.where(obs[:, 3] < 0.5 * (1.0 - obs[:, 1]), 0.7, -1.0)
        wish = np.clip(0.5 * obs[:, 0] + obs[:, 2], -0.4, 0.4)
        turn = np.clip(20 * (0.5 * (obs[:, 4] - wish) + 0.5 * obs[:, 5]), -1, 1)
        result = backend.step(np.stack([lift, turn], 1).astype(np.float32))
        lengths += ~ended
        limit |= result.truncated & ~ended
        ended |= result.terminated | result.truncated
        obs = result.obs
    assert limit.any()
    assert np.all(lengths[limit] == 1000)


@compiled
def test_action_of_the_dummy_row_is_ignored(native: Callable[..., Any]) -> None:
    one, other = native(max_episode_steps=5), native(max_episode_steps=5)
    one.reset(), other.reset()
    actions = random_actions(one, DISCRETE, 12)
    changed = actions.copy()
    changed[5] = (changed[5] + 1) % 4  # call 6 resets all four
    assert same(steps(one, actions), steps(other, changed))


# Which episodes it trains in.


@compiled
@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [(DISCRETE, {}), (CONTINUOUS, {}), (DISCRETE, WINDY), (DISCRETE, {"continuous": True})],
)
def test_first_episodes_are_gymnasiums(
    native: Callable[..., Any], env_id: str, kwargs: dict[str, Any]
) -> None:
    backend = native(env_id, kwargs=kwargs)
    first = backend.reset().copy()
    continuous = env_id == CONTINUOUS or "continuous" in kwargs
    actions = random_actions(backend, CONTINUOUS if continuous else DISCRETE, 20)
    found = steps(backend, actions)
    terrain = backend._batch.state()["heights"]  # type: ignore[attr-defined]
    other = open_backend("gymnasium", envs.resolve(env_id, kwargs), 4, 7, 1)
    assert np.allclose(first, other.reset(), atol=1e-5)
    for here, there in zip(found, steps(other, actions), strict=True):  # type: ignore[arg-type]
        assert np.allclose(here[0], there[0], atol=1e-4)
        assert np.allclose(here[1], there[1], atol=1e-2)
    other.close()
    for lane in range(4):
        seed = episode_seed(7, lane, 0)
        assert 0 <= seed < FIRST_SELECTION_SEED
        env = gymnasium.make(env_id, **kwargs)
        env.reset(seed=seed)
        ends = env.unwrapped.sky_polys  # type: ignore[attr-defined]
        heights = [ends[0][0][1], *(polygon[1][1] for polygon in ends)]
        assert np.allclose(terrain[lane], heights, atol=1e-5)
        env.close()


@compiled
@pytest.mark.parametrize("env_id", [DISCRETE, CONTINUOUS])
def test_same_seed_same_episodes_with_any_number_of_threads(native: Callable[..., Any], env_id: str) -> None:
    def flown(seed: int, threads: int) -> list[list[np.ndarray]]:
        backend = native(env_id, seed=seed, threads=threads)
        return [[backend.reset().copy()], *steps(backend, random_actions(backend, env_id, 300))]

    assert same(flown(11, 1), flown(11, 2))
    one, other = flown(11, 1)[0][0], flown(12, 1)[0][0]
    assert not np.array_equal(one, other)
    assert len(np.unique(one, axis=0)) == 4


# States.


@compiled
@pytest.mark.parametrize("env_id", [DISCRETE, CONTINUOUS])
@pytest.mark.parametrize("calls", [0, 1, 70, 71, 150])
def test_restored_lanes_go_on_bit_for_bit(native: Callable[..., Any], env_id: str, calls: int) -> None:
    # The limit of 70 makes call 70 an end in many lanes, and 71 a dummy row.
    options = {"max_episode_steps": 70, "kwargs": WINDY}
    one, other = native(env_id, **options), native(env_id, seed=99, **options)
    first = one.reset().copy()
    actions = random_actions(one, env_id, calls + 200)
    last, _, terminated, truncated = (
        [[first, None, np.zeros(4, bool), np.zeros(4, bool)], *steps(one, actions[:calls])]
    )[-1]
    state = {name: array.copy() for name, array in one.state().items()}
    assert state["seed"] == 7
    assert all(array.dtype.kind in "fiu" for array in state.values())
    obs, found = other.restore(state)
    assert np.array_equal(obs, last)
    assert np.array_equal(found, terminated | truncated)
    assert same(steps(one, actions[calls:]), steps(other, actions[calls:]))


@compiled
def test_state_does_not_change_with_later_steps(native: Callable[..., Any]) -> None:
    backend = native()
    backend.reset()
    state = backend.state()
    before = {name: array.copy() for name, array in state.items()}
    steps(backend, random_actions(backend, DISCRETE, 3))
    assert all(np.array_equal(state[name], before[name]) for name in state)


def not_finite(state: dict[str, Any]) -> None:
    state["records"].view(STATE)["bodies"]["x"][0] = np.nan


@compiled
@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda state: state.pop("records"), "records"),
        (lambda state: state.update(records=state["records"][:3]), "records"),
        (lambda state: state.update(records=state["records"].astype(np.int8)), "records"),
        (lambda state: state.update(records=state["records"][:, 1:]), "records"),
        (not_finite, "records"),
        (lambda state: state.pop("obs"), "obs"),
        (lambda state: state.update(obs=state["obs"].astype(np.float64)), "obs"),
    ],
)
def test_damaged_state_is_refused(
    native: Callable[..., Any], damage: Callable[[dict[str, Any]], Any], named: str
) -> None:
    backend = native()
    backend.reset()
    state = backend.state()
    damage(state)
    with pytest.raises(InputRefused, match=named):
        native().restore(state)


# Trainings.


def lander(env_id: str = DISCRETE, **values: Any) -> TrainConfig:
    """8 updates of 4 x 64 steps, in which episodes end; few selections, which fly in Gymnasium."""
    plain = {"backend": "native", "rollout_steps": 64, "steps": 8 * 256, "selection_episodes": 1}
    return settings(env_id, **{**plain, **values})


@compiled
@pytest.mark.parametrize("values", [{}, {"env": CONTINUOUS, "env_kwargs": WINDY}], ids=["plain", "windy"])
def test_interrupted_training_ends_like_one_that_was_not(
    run: RunDirectory, another_run: RunDirectory, values: dict[str, Any]
) -> None:
    config = lander(values.get("env", DISCRETE), env_kwargs=values.get("env_kwargs", {}))
    train(config, run)
    train_until(config, another_run, 2)
    train_until(replace(config, workers=2), another_run, 5, resume=True)
    assert not train(config, another_run, resume=True).progress.resumed
    assert timeless_rows(run) == timeless_rows(another_run)
    assert equal(tensors(run.checkpoint), tensors(another_run.checkpoint))
    assert equal(tensors(run.best), tensors(another_run.best))
    saved = Checkpoint.load(run.checkpoint)
    assert saved.progress.episodes > 4
    assert len(saved.versions["lander-simulator"]) == 16


@compiled
def test_other_simulator_starts_new_episodes(run: RunDirectory) -> None:
    config = lander(steps=4 * 256)
    train_until(config, run, 2)
    checkpoint = Checkpoint.load(run.checkpoint)
    versions = {**checkpoint.versions, "lander-simulator": "0" * 16}
    replace(checkpoint, versions=versions).save(run.checkpoint)
    assert train(config, run, resume=True).progress.resumed
    assert updates_in(run) == [1, 2, 3, 4]


@compiled
@pytest.mark.parametrize("order", [("native", "gymnasium"), ("gymnasium", "native")])
def test_backend_may_change(run: RunDirectory, order: tuple[str, str]) -> None:
    config = lander(steps=4 * 256)
    train_until(replace(config, backend=order[0]), run, 2)
    assert train(replace(config, backend=order[1]), run, resume=True).progress.resumed
    assert updates_in(run) == [1, 2, 3, 4]


@compiled
def test_checkpoint_with_a_damaged_state_is_refused(run: RunDirectory) -> None:
    config = lander(steps=4 * 256)
    train_until(config, run, 2)
    checkpoint = Checkpoint.load(run.checkpoint)
    kept = {name: tensor for name, tensor in checkpoint.tensors.items() if name != "lanes.records"}
    replace(checkpoint, tensors=kept).save(run.checkpoint)
    with pytest.raises(InputRefused, match="records"):
        train(config, run, resume=True)


# Which environments it takes.


def chosen(spec: EnvSpec) -> str:
    return choose_backend("native", spec, *check_trainable(envs.resolve(DISCRETE)))


@compiled
@pytest.mark.parametrize("env_id", [DISCRETE, CONTINUOUS])
@pytest.mark.parametrize("kwargs", [{}, WINDY, {"gravity": -3}])
def test_lunar_lander_is_taken(env_id: str, kwargs: dict[str, Any]) -> None:
    assert chosen(envs.resolve(env_id, kwargs)) == "native"


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (EnvSpec("CartPole-v1"), "does not have CartPole-v1"),
        (EnvSpec(DISCRETE, wrappers=(WrapperSpec("TimeAwareObservation"),)), "takes no wrappers"),
        (EnvSpec(DISCRETE, kwargs={"shaping": 1}), "no argument shaping"),
        (EnvSpec(DISCRETE, kwargs={"wind_power": float("nan")}), "finite number as wind_power"),
        (EnvSpec(DISCRETE, kwargs={"enable_wind": "no"}), "finite number as enable_wind"),
    ],
)
def test_other_environments_are_refused_with_the_way_out(spec: EnvSpec, reason: str) -> None:
    with pytest.raises(UsageError, match=f"{reason}.*--backend gymnasium"):
        chosen(spec)


def test_where_it_is_not_compiled_native_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "why_unavailable", lambda: "the simulator is not compiled (x is missing)")
    with pytest.raises(MachineLacks, match=r"not compiled.*--backend gymnasium"):
        chosen(envs.resolve(DISCRETE))
    # Where it does not fit, compiling would not help.
    with pytest.raises(UsageError, match="CartPole"):
        chosen(EnvSpec("CartPole-v1"))


def test_another_environment_under_the_same_id_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = gymnasium.envs.registration.EnvSpec(DISCRETE, entry_point="mine:Lander")
    monkeypatch.setitem(gymnasium.registry, DISCRETE, other)
    with pytest.raises(UsageError, match=r"another environment than Gymnasium's own.*--backend gymnasium"):
        choose_backend("native", EnvSpec(DISCRETE), *check_trainable(envs.resolve(CONTINUOUS)))


@compiled
@pytest.mark.parametrize("env_id", [DISCRETE, CONTINUOUS])
@pytest.mark.parametrize("kwargs", [{}, WINDY])
def test_auto_takes_it_for_lunar_lander(env_id: str, kwargs: dict[str, Any]) -> None:
    config = lander(env_id, backend="auto", env_kwargs=kwargs)
    plan = plan_training(config)
    assert (plan.config.backend, plan.note) == ("native", None)
    assert trains_natively(config)


def test_auto_says_so_where_it_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("lander_trainer.backends", "lander_trainer.plan"):
        monkeypatch.setattr(f"{module}.why_unavailable", lambda: "it is not compiled (x is missing)")
    config = lander(backend="auto", env_kwargs=WINDY)
    plan = plan_training(config)
    assert plan.config.backend == "gymnasium"
    assert plan.note is not None
    assert "x is missing" in plan.note
    assert not trains_natively(config)
    # A user who names another backend, or trains another environment, misses nothing.
    assert plan_training(replace(config, backend="gymnasium")).note is None
    assert plan_training(settings("CartPole-v1", backend="auto")).note is None


# Selections in the simulator.


@compiled
@pytest.mark.parametrize("env_id", [DISCRETE, CONTINUOUS])
def test_selection_in_the_simulator_runs_the_same_episodes(env_id: str) -> None:
    spec = envs.resolve(env_id, {"gravity": -8.0})
    distribution = distribution_of(check_trainable(spec)[1])

    def falls(obs: Any) -> Any:
        return np.zeros((len(obs), 4), np.float32)

    scores = [selection_score(falls, distribution, spec, 12, name) for name in ("gymnasium", "native")]
    # One of twelve crashes comes a step later there.
    assert scores[0] == pytest.approx(scores[1], abs=3.0)


@compiled
def test_episodes_in_the_simulator_do_not_depend_on_those_beside_them() -> None:
    # With these actions episodes take from 70 to several hundred steps, so that the batch shrinks.
    matrix = np.random.default_rng(3).integers(-3, 4, (8, 4)).astype(np.float32)

    def actor(obs: Any) -> Any:
        return (obs @ matrix).argmax(-1)

    spec, seeds = envs.resolve(DISCRETE), range(FIRST_SELECTION_SEED, FIRST_SELECTION_SEED + 12)
    alone = [native_returns(actor, spec, [seed])[0] for seed in seeds]
    assert native_returns(actor, spec, seeds).tolist() == pytest.approx(alone, abs=1e-3)


@compiled
def test_run_keeps_which_selections_it_made(run: RunDirectory) -> None:
    train(lander(selection_backend="native"), run)
    assert Checkpoint.load(run.best).config.selection_backend == "native"


def test_selection_in_the_simulator_goes_with_training_in_it() -> None:
    with pytest.raises(UsageError, match=r"backend is gymnasium.*selection_backend=gymnasium"):
        plan_training(lander(selection_backend="native", backend="gymnasium"))


@compiled
def test_only_a_score_by_gymnasium_reaches_a_target(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And Gymnasium is asked only where the simulator's score would reach it."""
    scores = {"native": iter([150.0, 250.0, 250.0]), "gymnasium": iter([190.0, 210.0])}
    monkeypatch.setattr(trainer, "selection_score", lambda *arguments: next(scores[arguments[-1]]))
    result = train(lander(selection_backend="native", selections=4, target_score=200.0), run)
    selected = [row["selection_score"] for row in run.read_metrics() if row["selection_score"] is not None]
    assert selected == [150.0, 190.0, 210.0]
    assert (result.reached_target, result.progress.best_score, result.progress.updates) == (True, 210.0, 6)


@pytest.mark.parametrize(("asked", "lanes", "taken"), [(0, 64, 1), (2, 64, 2), (8, 4, 4), (1024, 1024, 256)])
def test_threads_are_one_unless_asked_for(asked: int, lanes: int, taken: int) -> None:
    assert choose_workers(asked, "native", envs.resolve(DISCRETE), lanes) == taken
