"""The folder of a run: its number, its small files, and finding the newest."""

import json
import os
import tomllib
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lander_runtime.errors import InputRefused, MachineLacks, UsageError
from lander_trainer import RunDirectory, TrainConfig, newest_run
from lander_trainer.runs.run_history import read_history


def test_runs_are_numbered_for_each_environment(tmp_path: Path) -> None:
    paths = [
        RunDirectory.create(env_id, root=tmp_path).path
        for env_id in ("LunarLander-v3", "LunarLander-v3", "CartPole-v1")
    ]
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "LunarLander-v3/001",
        "LunarLander-v3/002",
        "CartPole-v1/001",
    ]
    assert all(path.is_dir() for path in paths)


def test_runs_go_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert RunDirectory.create("CartPole-v1").path == Path("runs/CartPole-v1/001")
    assert (tmp_path / "runs/CartPole-v1/001").is_dir()


def test_number_follows_the_largest_existing_one(tmp_path: Path) -> None:
    for name in ("004", "010", "best", "9x", "1000"):
        (tmp_path / "CartPole-v1" / name).mkdir(parents=True)
    assert RunDirectory.create("CartPole-v1", root=tmp_path).path.name == "1001"


def test_runs_that_start_together_get_different_folders(tmp_path: Path) -> None:
    def create(_: int) -> Path:
        return RunDirectory.create("CartPole-v1", root=tmp_path).path

    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(create, range(64)))
    assert len(set(paths)) == 64


@pytest.mark.parametrize("env_id", ["ALE/Pong-v5", "../../escape", "/etc/passwd"])
def test_id_makes_one_folder_under_the_root(tmp_path: Path, env_id: str) -> None:
    root = tmp_path / "a" / "runs"
    path = RunDirectory.create(env_id, root=root).path
    assert path.resolve().parent.parent == root.resolve()


def test_out_may_be_new_or_empty(tmp_path: Path) -> None:
    assert RunDirectory.create("CartPole-v1", tmp_path / "a/b").path == tmp_path / "a/b"
    assert RunDirectory.create("CartPole-v1", tmp_path / "a/b").path == tmp_path / "a/b"


@pytest.mark.parametrize(
    ("files", "way_out"),
    [
        (["notes.txt"], r"Choose another --out\.$"),
        (["config.toml"], r"Choose another --out\.$"),
        (["config.toml", "metrics.jsonl"], r"The run in it has no checkpoint to resume from\."),
        (["config.toml", "checkpoint.safetensors"], "Choose another --out, or go on with --resume"),
    ],
    ids=["other files", "other settings", "a run without a checkpoint", "a run"],
)
def test_out_that_is_not_empty_is_refused_with_the_way_out(
    tmp_path: Path, files: list[str], way_out: str
) -> None:
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=rf"is not empty\. {way_out}"):
        RunDirectory.create("CartPole-v1", tmp_path)


@pytest.mark.parametrize("out", ["file", "file/run"])
def test_out_that_cannot_be_a_folder_is_refused(tmp_path: Path, out: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="Cannot make a run directory"):
        RunDirectory.create("CartPole-v1", tmp_path / out)


def test_open_needs_a_checkpoint(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputRefused, match=r"no run to resume; expected checkpoint\.safetensors"):
            RunDirectory.open(path)
    (tmp_path / "checkpoint.safetensors").touch()
    assert RunDirectory.open(tmp_path).checkpoint == tmp_path / "checkpoint.safetensors"


def test_config_can_be_read_back(tmp_path: Path) -> None:
    config = TrainConfig(gamma=0.75, hidden_sizes=(3, 5), target_kl=0.5, env_kwargs={"gravity": -2.0})
    RunDirectory(tmp_path).write_config(config)
    written = tomllib.loads((tmp_path / "config.toml").read_text(encoding="utf-8"))
    assert TrainConfig().with_values(written) == config


def test_environment_argument_without_a_value_can_be_written(tmp_path: Path) -> None:
    # TOML has no null, and an environment may well take None.
    config = TrainConfig(env_kwargs={"map_name": None, "gravity": -2.0})
    RunDirectory(tmp_path).write_config(config)
    assert (
        tomllib.loads((tmp_path / "config.toml").read_text(encoding="utf-8"))["env_kwargs"]["gravity"] == -2
    )


# metrics.jsonl


def run_with_rows(path: Path, updates: int) -> RunDirectory:
    run = RunDirectory(path)
    for update in range(1, updates + 1):
        run.append_metrics({"update": update, "mean_return": None, "title": "é\u2028"})
    return run


def test_metrics_are_one_object_a_line(tmp_path: Path) -> None:
    run = run_with_rows(tmp_path, 3)
    lines = run.metrics.read_text(encoding="utf-8").split("\n")
    assert [json.loads(line)["update"] for line in lines[:-1]] == [1, 2, 3]
    assert lines[-1] == ""
    assert [row["update"] for row in run.read_metrics()] == [1, 2, 3]
    assert run.read_metrics()[0] == {"update": 1, "mean_return": None, "title": "é\u2028"}


def test_new_run_has_no_metrics(tmp_path: Path) -> None:
    assert RunDirectory(tmp_path).read_metrics() == []


def test_nan_never_gets_into_the_file(tmp_path: Path) -> None:
    run = run_with_rows(tmp_path, 1)
    with pytest.raises(ValueError, match="Out of range float"):
        run.append_metrics({"update": 2, "value_loss": float("nan")})
    assert [row["update"] for row in run.read_metrics()] == [1]


def test_line_that_a_crash_cut_short_is_left_out(tmp_path: Path) -> None:
    run = run_with_rows(tmp_path, 2)
    with run.metrics.open("a", encoding="utf-8") as file:
        file.write('{"update": 3, "mean_re')
    assert [row["update"] for row in run.read_metrics()] == [1, 2]


def test_rows_after_the_checkpoint_are_dropped(tmp_path: Path) -> None:
    run = run_with_rows(tmp_path, 5)
    with run.metrics.open("a", encoding="utf-8") as file:
        file.write('{"upda')
    run.drop_metrics_after(3)
    run.append_metrics({"update": 4})
    assert [row["update"] for row in run.read_metrics()] == [1, 2, 3, 4]


def test_dropping_everything_leaves_an_empty_file(tmp_path: Path) -> None:
    run = run_with_rows(tmp_path, 2)
    run.drop_metrics_after(0)
    assert run.read_metrics() == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"no json", "not valid JSON"),
        (b"[1, 2]", "expected a JSON object"),
        (b'{"steps": 1}', "'update' is missing"),
        (b'{"update": "two"}', "'update' should be an integer"),
        (b'{"update": 2, "mean_return": "much"}', "'mean_return' should be a number"),
        (b'{"update": 2, "steps": 1e999}', "not valid JSON"),
        (b'{"update": 1}', "update 1 comes after 1"),
        (b"[" * 5000, "not valid JSON"),
        (b'{"update": ' + b"9" * 5000 + b"}", "not valid JSON|out of range|should be"),
        (b"", "not valid JSON"),
        (bytes(64), "not valid JSON"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: bytes, reason: str) -> None:
    run = run_with_rows(tmp_path, 1)
    with run.metrics.open("ab") as file:
        file.write(line + b"\n" + b'{"update": 5}\n')
    with pytest.raises(InputRefused, match=rf"metrics\.jsonl: line 2.*({reason})") as caught:
        run.drop_metrics_after(1)
    assert len(str(caught.value)) < 600
    assert b"\n" + line in run.metrics.read_bytes(), "what cannot be read is not overwritten"


@pytest.mark.parametrize("tail", [b"\xff\xfe\x00", b"[" * 5000, b"17", bytes(100)])
def test_a_tail_that_is_no_row_is_left_out(tmp_path: Path, tail: bytes) -> None:
    run = run_with_rows(tmp_path, 2)
    with run.metrics.open("ab") as file:
        file.write(tail)
    assert [row["update"] for row in run.read_metrics()] == [1, 2]


def test_line_ends_alone_are_not_counted_first(tmp_path: Path) -> None:
    """As a list of lines they would take eight times the file, which may have a gigabyte."""
    run = run_with_rows(tmp_path, 1)
    with run.metrics.open("ab") as file:
        file.write(b"\n" * 4_000_000)
    tracemalloc.start()
    try:
        for read in (run.read_metrics, lambda: read_history(run.path)):
            run.config.write_text('env = "CartPole-v1"')
            with pytest.raises(InputRefused, match=r"metrics\.jsonl: line (1|2): "):
                read()
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_row_longer_than_any_is_refused(tmp_path: Path) -> None:
    run = run_with_rows(tmp_path, 1)
    with run.metrics.open("ab") as file:
        file.write(b'{"update": 2, "a": "' + b"x" * 2**20 + b'"}\n')
    with pytest.raises(InputRefused, match=r"line 2: expected at most 1,048,576 bytes"):
        run.read_metrics()


# newest_run


def test_newest_run_is_the_one_whose_checkpoint_was_written_last(tmp_path: Path) -> None:
    for minute, name in enumerate(["LunarLander-v3/002", "CartPole-v1/001", "LunarLander-v3/001"]):
        checkpoint = tmp_path / name / "checkpoint.safetensors"
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        os.utime(checkpoint, (60 * minute, 60 * minute))
    (tmp_path / "LunarLander-v3" / "003").mkdir()  # started, nothing saved yet
    assert newest_run(tmp_path) == tmp_path / "LunarLander-v3" / "001"


def test_no_run_is_no_error(tmp_path: Path) -> None:
    assert newest_run(tmp_path) is None
    assert newest_run(tmp_path / "nowhere") is None


def test_a_run_is_written_by_one_at_a_time(tmp_path: Path) -> None:
    run = RunDirectory.create("CartPole-v1", tmp_path / "run")
    with run.locked(new=True), run.locked(new=True):
        with pytest.raises(InputRefused, match=f"in use: process {os.getpid()}"):
            RunDirectory(run.path).locked(new=False).__enter__()
        # The lock itself is no content.
        assert RunDirectory.create("CartPole-v1", run.path).path == run.path
    assert list(run.path.iterdir()) == []


def test_a_run_that_began_in_between_is_not_overwritten(tmp_path: Path) -> None:
    run = RunDirectory.create("CartPole-v1", tmp_path / "run")
    run.metrics.write_text("")
    with pytest.raises(UsageError, match="is not empty"):
        run.locked(new=True).__enter__()
    with run.locked(new=False):
        pass


def test_a_deleted_folder_is_a_sentence_and_is_not_made_again(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    with pytest.raises(MachineLacks, match=r"run is gone: it was deleted or moved"):
        run.append_metrics({})
    assert not run.path.exists()
