"""What a picture of runs is made of: what is read, the mean with its band, the labels."""

import json
from pathlib import Path

import numpy as np
import pytest

from lander_runtime.differing import UNLIMITED, differences
from lander_runtime.errors import InputRefused
from lander_runtime.scores.intervals import mean_interval
from lander_trainer.plots.bands import mean_band
from lander_trainer.plots.curve import points
from lander_trainer.plots.plot import draw_runs, lines_of
from lander_trainer.runs.run_history import find_runs, read_history
from written_runs import ROWS, AddRun


class TestReading:
    def test_a_run_is_itself_and_a_folder_is_the_runs_below_it(self, add_run: AddRun, tmp_path: Path) -> None:
        second, first = add_run("002"), add_run("001")
        assert find_runs(second) == [second]
        assert find_runs(tmp_path) == [first, second]

    def test_a_run_that_has_just_started_is_not_among_them(self, add_run: AddRun) -> None:
        first = add_run("001")
        add_run("002", [])
        assert find_runs(first.parent) == [first]

    def test_what_the_file_says(self, add_run: AddRun) -> None:
        history = read_history(add_run("001", seed=3))
        assert (history.env, history.config["seed"]) == ("CartPole-v1", 3)
        assert points(history.rows, "mean_return") == ([200, 300, 400], [10, 20, 40])
        assert points(history.rows, "selection_score", "seconds") == ([0.3, 0.4], [15, 35.5])

    def test_a_row_that_a_crash_cut_short_is_left_out(self, add_run: AddRun) -> None:
        run = add_run("001")
        with (run / "metrics.jsonl").open("a") as file:
            file.write('{"steps": 500, "sec')
        assert len(read_history(run).rows) == 4

    @pytest.mark.parametrize(
        ("content", "named"),
        [
            (b"", "no update in it yet"),
            (b'{"steps": 1', "no update in it yet"),
            (b"nonsense\n", "line 1: not valid JSON"),
            (json.dumps(ROWS[0]).encode() + b"\n\n" + json.dumps(ROWS[1]).encode() + b"\n", "line 2"),
            (b"[]\n", "line 1: expected a JSON object"),
            (b"{}\n", "'steps' is missing"),
            (b'{"steps": 1, "seconds": 1, "mean_return": "high"}\n', "'mean_return' should be a number"),
            (b'{"steps": 1, "seconds": 1, "mean_return": NaN}\n', "not valid JSON"),
            (b'{"steps": 1' + b"0" * 400 + b', "seconds": 1}\n', "'steps' should be a finite number"),
            # Too far apart to be drawn.
            (b'{"steps": 1, "seconds": 1, "mean_return": 1e308}\n', "'mean_return' should be a number below"),
            (b"[" * 100_000 + b"\n", "not valid JSON"),
            (b"\xff\xfe\n", "not UTF-8 text"),
            (2 * (json.dumps(ROWS[0]).encode() + b"\n"), "line 2: the steps do not grow"),
        ],
    )
    def test_damaged_rows_are_refused(self, add_run: AddRun, content: bytes, named: str) -> None:
        run = add_run("001")
        (run / "metrics.jsonl").write_bytes(content)
        with pytest.raises(InputRefused) as caught:
            read_history(run)
        assert "metrics.jsonl" in str(caught.value)
        assert named in str(caught.value)

    @pytest.mark.parametrize(
        "content",
        [
            None, b"env = ", b"seed = 1\n", b"env = 1\n", b"\xff", b'env = "' + b"a" * 5000 + b'"',
            # Python's reader would take minutes.
            b'env = "CartPole-v1"\n' + b".".join([b"a"] * 100_000) + b" = 1\n",
        ],
        ids=["none", "cut", "no env", "number", "not UTF-8", "long", "parts"],
    )  # fmt: skip
    def test_damaged_settings_are_refused(self, add_run: AddRun, content: bytes | None) -> None:
        run = add_run("001")
        (run / "config.toml").unlink()
        if content is not None:
            (run / "config.toml").write_bytes(content)
        with pytest.raises(InputRefused, match=r"config\.toml"):
            read_history(run)

    @pytest.mark.parametrize("name", ["missing", "empty", "file"])
    def test_a_folder_without_runs_is_refused(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "empty").mkdir()
        (tmp_path / "file").write_text("")
        with pytest.raises(InputRefused, match=name):
            find_runs(tmp_path / name)


class TestMeanBand:
    def test_points_between_are_on_the_line(self) -> None:
        """Common are 1 to 3. At 1: 10 and 0; at 2: 20 and 20 (halfway from 0 to 40); at 3: 30 and 40."""
        one = ([0.0, 3.0], [0.0, 30.0])
        other = ([1.0, 3.0, 9.0], [0.0, 40.0, 900.0])
        x, mean, low, high = mean_band([one, other], points=3)
        assert x.tolist() == [1, 2, 3]
        assert mean.tolist() == [5, 20, 35]
        assert (low[1], high[1]) == (20, 20)
        assert (low.tolist(), high.tolist()) == ([0, 20, 30], [10, 20, 40])

    def test_four_curves_have_the_interval_of_their_mean(self) -> None:
        curves = [([0.0, 1.0], [value, 2 * value]) for value in (1.0, 2.0, 4.0, 9.0)]
        _, mean, low, high = mean_band(curves, points=2)
        assert mean.tolist() == [4, 8]
        assert (low[0], high[0]) == mean_interval(np.array([1.0, 2.0, 4.0, 9.0]))
        assert (low[1], high[1]) == mean_interval(np.array([2.0, 4.0, 8.0, 18.0]))

    def test_curves_of_one_seed_have_no_interval(self) -> None:
        curves = [([0.0, 1.0], [value, 2 * value]) for value in (1.0, 2.0, 4.0, 9.0)]
        _, mean, low, high = mean_band(curves, points=2, interval=False)
        assert (mean.tolist(), low.tolist(), high.tolist()) == ([4, 8], [1, 2], [9, 18])

    def test_equal_curves_have_no_width(self) -> None:
        curve = ([0.0, 4.0], [1.0, 3.0])
        _, mean, low, high = mean_band([curve] * 3, points=5)
        assert mean.tolist() == low.tolist() == high.tolist() == [1, 1.5, 2, 2.5, 3]

    def test_one_curve_is_its_own_mean(self) -> None:
        _, mean, low, high = mean_band([([0.0, 1.0], [2.0, 4.0])], points=3)
        assert mean.tolist() == low.tolist() == high.tolist() == [2, 3, 4]

    def test_curves_with_nothing_in_common(self) -> None:
        assert [len(part) for part in mean_band([([0.0, 1.0], [0.0, 0.0]), ([2.0], [0.0])])] == [0, 0, 0, 0]


class TestLabels:
    def test_only_differences_are_shown(self) -> None:
        same = {"env": "E", "gamma": 0.99}
        assert differences([{**same, "lanes": 8}, {**same, "lanes": 16}]) == [{"lanes": "8"}, {"lanes": "16"}]
        assert differences([same, same]) == [{}, {}]

    def test_values_are_short(self) -> None:
        one = {"learning_rate": 0.00025, "hidden_sizes": [64, 64], "gae": True, "target_kl": 0.02}
        other = {"learning_rate": 0.1, "hidden_sizes": [8], "gae": False}
        assert differences([one, other]) == [
            {"learning_rate": "0.00025", "hidden_sizes": "64x64", "gae": "true", "target_kl": "0.02"},
            {"learning_rate": "0.1", "hidden_sizes": "8", "gae": "false", "target_kl": "none"},
        ]

    def test_large_numbers_are_readable(self) -> None:
        given = [150_000_000, 9000, 1000, 999, 9000.0, 2.5, [1024, 8]]
        assert [one["steps"] for one in differences([{"steps": value} for value in given])] == [
            "150_000_000", "9_000", "1_000", "999", "9_000", "2.5", "1_024x8",
        ]  # fmt: skip

    def test_a_time_limit_takes_the_place_of_the_steps(self) -> None:
        """Of one that ends by its time the steps are a number that no user chose."""
        by_time = {"steps": UNLIMITED, "time_limit": 3600.0}
        assert differences([by_time, {"steps": 9000}, {**by_time, "time_limit": 10.0}]) == [
            {"time_limit": "3_600 s"}, {"steps": "9_000"}, {"time_limit": "10 s"},
        ]  # fmt: skip
        assert differences([{"steps": 9000, "time_limit": 10.0}, {"steps": 9000}]) == [
            {"time_limit": "10 s"}, {"time_limit": "none"},
        ]  # fmt: skip
        assert differences([{"steps": 8000, "time_limit": 10.0}, by_time]) == [
            {"steps": "8_000", "time_limit": "10 s"}, {"time_limit": "3_600 s"},
        ]  # fmt: skip

    def test_folders_are_told_apart_by_no_more_than_needed(self, add_run: AddRun, tmp_path: Path) -> None:
        runs = [read_history(add_run(f"00{seed}", seed=seed)) for seed in (1, 2)]
        assert [line.label for line in lines_of(runs, False)] == ["001: seed 1", "002: seed 2"]
        moved = (tmp_path / "runs" / "CartPole-v1" / "002").rename(tmp_path / "best run")
        labels = [line.label for line in lines_of([runs[0], read_history(moved)], False)]
        assert labels == ["runs/CartPole-v1/001: seed 1", "best run: seed 2"]

    def test_groups_are_runs_that_differ_in_the_seed_only(self, add_run: AddRun) -> None:
        kinds = [(1, 0.1), (1, 0.2), (2, 0.1), (3, 0.1)]
        runs = [
            read_history(add_run(f"00{number}", seed=seed, learning_rate=rate))
            for number, (seed, rate) in enumerate(kinds, 1)
        ]
        many, single = lines_of(runs, True)
        assert [run.path.name for run in many.runs] == ["001", "003", "004"]
        assert many.label == "3 seeds (001, 003, 004): learning_rate 0.1"
        assert [run.path.name for run in single.runs] == ["002"]
        assert single.label == "002: seed 1, learning_rate 0.2"

    @pytest.mark.parametrize(
        ("seeds", "label", "words"),
        [
            ([1, 1], "2 runs of seed 1 (001, 002)", "training, mean of runs; dots"),
            ([1, 2, 1], "3 runs of 2 seeds (001, 002, 003)", "mean of runs; band: lowest to highest; dots"),
            ([1, 2, 3, 4, 1], "5 runs of 4 seeds (001, 002, 003, 004, 005)", "runs; band: lowest to highest"),
            ([1, 2, 3, 4], "4 seeds (001, 002, 003, 004)", "mean of seeds; band: 95% interval; dots"),
        ],
    )
    def test_repeats_of_a_seed_are_no_seeds(
        self, add_run: AddRun, tmp_path: Path, seeds: list[int], label: str, words: str
    ) -> None:
        runs = [read_history(add_run(f"00{number}", seed=seed)) for number, seed in enumerate(seeds, 1)]
        assert [line.label for line in lines_of(runs, True)] == [label]
        draw_runs(runs, tmp_path / "plot.svg", group=True)
        drawn = (tmp_path / "plot.svg").read_text(encoding="utf-8")
        assert words in drawn
        assert ("fill-opacity: 0.25" in drawn) == ("band" in words)

    def test_a_very_long_label_is_cut(self, add_run: AddRun) -> None:
        runs = [read_history(add_run(name)) for name in ("a" * 200, "b")]
        settings = {f"setting_{number}": "x" * 20 for number in range(20)}
        runs.append(read_history(add_run("c", **settings)))
        assert [len(line.label) for line in lines_of(runs, False)] == [360, 331, 360]

    def test_arguments_of_the_environment_are_named_one_by_one(self) -> None:
        wind = {"env_kwargs": {"enable_wind": True, "wind_power": 15.0}}
        assert differences([wind, {"env_kwargs": {}}]) == [
            {"env_kwargs": "enable_wind=true wind_power=15"},
            {"env_kwargs": "none"},
        ]
