"""Pictures of runs: what is read, what the numbers are, and that what is drawn can be read."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from PIL import Image

from lander_runtime.differing import UNLIMITED, differences
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.scores.intervals import mean_interval
from lander_trainer.plots.bands import mean_band
from lander_trainer.plots.curve import draw_learning_curve, points
from lander_trainer.plots.limits import lowest_shown
from lander_trainer.plots.plot import draw_runs, lines_of
from lander_trainer.plots.search import draw_importance
from lander_trainer.plots.style import LINES
from lander_trainer.runs.run_history import find_runs, read_history

AddRun = Callable[..., Path]


def row(
    steps: float, mean_return: float | None = None, selection_score: float | None = None
) -> dict[str, Any]:
    return {
        "steps": steps,
        "seconds": steps / 1000,
        "mean_return": mean_return,
        "selection_score": selection_score,
        "best_score": selection_score,
    }


ROWS = [row(100), row(200, 10.0), row(300, 20.0, 15.0), row(400, 40.0, 35.5)]


@pytest.fixture
def add_run(tmp_path: Path) -> AddRun:
    """(name, rows, settings) -> the folder of a run at runs/CartPole-v1/<name>."""

    def add(name: str, rows: Sequence[dict[str, Any]] = ROWS, **settings: Any) -> Path:
        folder = tmp_path / "runs" / "CartPole-v1" / name
        folder.mkdir(parents=True)
        config = {"env": "CartPole-v1", "seed": 1, "learning_rate": 0.0025, "hidden_sizes": [64, 64]}
        (folder / "config.toml").write_text(tomli_w.dumps(config | settings))
        (folder / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
        return folder

    return add


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


def texts(path: Path) -> set[str]:
    """All texts of an SVG, with plain minus signs."""
    drawn = path.read_text(encoding="utf-8").replace("\N{MINUS SIGN}", "-")
    return set(re.findall(r"<!-- (.*?) -->", drawn))


def colours(path: Path) -> set[str]:
    """All colours of a picture, as #RRGGBB."""
    with Image.open(path) as picture:
        pixels = np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)
    return {f"#{r:02X}{g:02X}{b:02X}" for r, g, b in pixels}


class TestLimits:
    @pytest.mark.parametrize(
        ("lines", "dots", "threshold", "lowest"),
        [
            # The lines are 100 high, so dots are drawn down to 50 below them.
            ([-50, 50], [-1850, -90, 40], None, -90),
            ([-50, 50], [-1850, -10, 40], None, -50),
            ([-50, 50], [-100, 0, 9000], None, None),
            # The threshold is part of what is drawn.
            ([-50, 50], [-101, 0, 0], None, -50),
            ([-50, 50], [-101, 0, 0], 200.0, None),
            # Most of the dots are no exceptions.
            ([-50, 50], [-1850, -1000, -700], None, None),
            ([-50, 50], [-1850, -1000, 10], None, -50),
            ([-50, 50], [-1850], None, None),
            ([], [-1850, 10, 10], None, None),
            ([-50, 50], [], None, None),
            # Of lines at one height nothing says how far is far.
            ([7, 7], [-1850, 7, 7], None, None),
        ],
    )
    def test_dots_far_below_the_lines_are_left_out(
        self, lines: list[float], dots: list[float], threshold: float | None, lowest: float | None
    ) -> None:
        assert lowest_shown(lines, dots, threshold) == lowest


class TestDrawing:
    @pytest.mark.parametrize("several", [False, True])
    def test_a_dot_far_below_is_marked_with_its_return(
        self, add_run: AddRun, tmp_path: Path, several: bool
    ) -> None:
        rows = [row(1000, 10.0, -185_000.4), row(2000, 20.0, 15.0), row(9000, 30.0, 25.0)]
        runs = [read_history(add_run(name, rows)) for name in ("001", "002")[: 1 + several]]
        draw_runs(runs, tmp_path / "plot.svg")
        drawn = texts(tmp_path / "plot.svg")
        assert {"-185,000", "dots below the picture, with their returns"} <= drawn
        # The scale is that of what is above it.
        assert "200" in drawn

    def test_marks_side_by_side_share_a_label(self, add_run: AddRun, tmp_path: Path) -> None:
        rows = [row(1000, 10.0), row(1100, 10.0, -5000), row(1200, 10.0, -9000), row(9000, 30.0, -7000)]
        rows += [row(9100 + i, 30.0, 25.0) for i in range(3)]
        draw_runs([read_history(add_run("001", rows))], tmp_path / "plot.svg")
        assert {"-9,000 to -5,000", "-7,000"} <= texts(tmp_path / "plot.svg")

    @pytest.mark.parametrize("several", [False, True])
    def test_the_x_axis_begins_at_zero(self, add_run: AddRun, tmp_path: Path, several: bool) -> None:
        runs = [read_history(add_run(name, [row(2048, -1000, -900)])) for name in ("1", "2")[: 1 + several]]
        draw_runs(runs, tmp_path / "plot.svg")
        # Both axes have separators.
        assert {"0", "500", "2,000", "-1,000"} <= texts(tmp_path / "plot.svg")

    def test_dots_outside_the_mean_of_a_group_are_hollow(self, add_run: AddRun, tmp_path: Path) -> None:
        runs = [read_history(add_run(f"00{seed}", ROWS, seed=seed)) for seed in (1, 2)]
        draw_runs(runs, tmp_path / "even.svg", group=True)
        runs.append(read_history(add_run("003", [*ROWS, row(500, 60.0, 70.0)], seed=3)))
        draw_runs(runs, tmp_path / "odd.svg", group=True)
        draw_runs(runs, tmp_path / "single.svg")
        hollow = [
            any("hollow" in text for text in texts(tmp_path / f"{name}.svg"))
            for name in ("even", "odd", "single")
        ]
        assert hollow == [False, True, False]

    def test_bars_of_a_search_keep_their_names(self, tmp_path: Path) -> None:
        draw_importance({"gamma": 0.3, "lanes": 0.7}, tmp_path / "bars.svg", title="what matters")
        assert {"gamma", "lanes", "30%", "70%"} <= texts(tmp_path / "bars.svg")

    def test_one_run_is_its_learning_curve(self, add_run: AddRun, tmp_path: Path) -> None:
        history = read_history(add_run("001"))
        draw_runs([history], tmp_path / "plot.png")
        draw_learning_curve(ROWS, tmp_path / "curve.png", title="CartPole-v1, seed 1", reward_threshold=475.0)
        assert (tmp_path / "plot.png").read_bytes() == (tmp_path / "curve.png").read_bytes()
        with Image.open(tmp_path / "plot.png") as picture:
            assert picture.size == (1200, 675)

    def test_every_run_has_its_colour(self, add_run: AddRun, tmp_path: Path) -> None:
        runs = [read_history(add_run(f"00{seed}", seed=seed)) for seed in (1, 2, 3)]
        draw_runs(runs, tmp_path / "plot.png")
        drawn = colours(tmp_path / "plot.png")
        expected = [colour.upper() for colour, _ in LINES[:4]]
        assert [colour in drawn for colour in expected] == [True, True, True, False]

    def test_a_group_has_one_colour_and_its_shade(self, add_run: AddRun, tmp_path: Path) -> None:
        runs = [
            read_history(add_run(f"00{seed}", [row(0, 0.0), row(100, 100.0 * seed)], seed=seed))
            for seed in (1, 2, 3)
        ]
        for group in (False, True):
            draw_runs(runs, tmp_path / f"{group}.svg", group=group)
        single, grouped = ((tmp_path / f"{group}.svg").read_text().lower() for group in (False, True))
        band = f"fill: {LINES[0][0].lower()}; fill-opacity: 0.2"
        assert (band in single, band in grouped) == (False, True)
        second = LINES[1][0].lower()
        assert (second in single, second in grouped) == (True, False)

    def test_an_svg_says_what_is_in_it(self, add_run: AddRun, tmp_path: Path) -> None:
        runs = [read_history(add_run(f"00{seed}", seed=seed)) for seed in (1, 2)]
        for name in ("one.svg", "two.SVG"):
            draw_runs(runs, tmp_path / name, x="seconds")
        text = (tmp_path / "one.svg").read_text(encoding="utf-8")
        assert text.startswith("<?xml")
        for words in ("001: seed 1", "002: seed 2", "seconds of training", "solved at 475"):
            assert f"<!-- {words} -->" in text
        assert (tmp_path / "two.SVG").read_text(encoding="utf-8") == text

    @pytest.mark.parametrize(
        ("shapings", "said"),
        [
            ([{}], "training, mean of the last 100 episodes"),
            ([{"bonus": 1}], "training with shaping, mean of the last 100 episodes"),
            ([{}, {}], "CartPole-v1 (lines: training; dots: greedy)"),
            ([{"bonus": 1}, {}], "CartPole-v1 (lines: training, some with shaping; dots: greedy)"),
            ([{"bonus": 1}, {"bonus": 2}], "CartPole-v1 (lines: training with shaping; dots: greedy)"),
        ],
    )
    def test_returns_with_shaping_are_labelled(
        self, add_run: AddRun, tmp_path: Path, shapings: list[dict[str, int]], said: str
    ) -> None:
        runs = [read_history(add_run(f"00{i}", shaping=shaping)) for i, shaping in enumerate(shapings)]
        draw_runs(runs, tmp_path / "plot.svg")
        assert f"<!-- {said} -->" in (tmp_path / "plot.svg").read_text(encoding="utf-8")

    @pytest.mark.parametrize("name", ["_hidden", "$x^{", "着陆", "a\nb", "<b>&"])
    def test_any_folder_can_be_named(self, add_run: AddRun, tmp_path: Path, name: str) -> None:
        runs = [read_history(add_run(name)), read_history(add_run("other"))]
        draw_runs(runs, tmp_path / "plot.svg")
        assert len(lines_of(runs, False)) == 2
        assert (tmp_path / "plot.svg").read_text(encoding="utf-8").count("<!-- other -->") == 1

    def test_runs_of_unknown_environments_have_no_threshold(self, add_run: AddRun, tmp_path: Path) -> None:
        runs = [read_history(add_run(name, env="Gone-v9")) for name in ("001", "002")]
        draw_runs(runs, tmp_path / "plot.svg")
        text = (tmp_path / "plot.svg").read_text(encoding="utf-8")
        assert "<!-- Gone-v9 (lines: training; dots: greedy) -->" in text
        assert "solved" not in text

    def test_a_long_label_goes_on_in_the_next_line(self, add_run: AddRun, tmp_path: Path) -> None:
        """No setting is lost, and the picture is taller by what the lines need."""
        settings = {f"setting_{number}": "x" * 15 for number in range(6)}
        draw_runs([read_history(add_run("001")), read_history(add_run("002"))], tmp_path / "short.png")
        runs = [read_history(add_run("003", **settings)), read_history(add_run("004"))]
        for suffix in ("png", "svg"):
            draw_runs(runs, tmp_path / f"long.{suffix}")
        text = (tmp_path / "long.svg").read_text(encoding="utf-8")
        assert all(f"{name} {'x' * 15}" in text for name in settings)
        heights = []
        for name in ("short.png", "long.png"):
            with Image.open(tmp_path / name) as picture:
                heights.append(picture.height)
        # 165 and 99 characters: two lines each, where the short labels have one.
        assert heights[1] - heights[0] == round(2 * 0.22 * 150)

    def test_returns_of_two_environments_share_no_axis(self, add_run: AddRun, tmp_path: Path) -> None:
        runs = [read_history(add_run(name)) for name in ("001", "003")]
        runs.insert(1, read_history(add_run("002", env="Acrobot-v1")))
        with pytest.raises(UsageError, match="CartPole-v1, Acrobot-v1 do not compare") as raised:
            draw_runs(runs, tmp_path / "plot.png")
        # All three are in one folder, so naming that would fail again.
        assert str(raised.value).endswith(f": lander plot {runs[0].path} {runs[2].path}")
        assert not (tmp_path / "plot.png").exists()

    def test_marks_of_selections_differ_where_a_colour_comes_again(
        self, add_run: AddRun, tmp_path: Path
    ) -> None:
        """The eighth run has the first one's colour, so its line is dashed and its dots are squares."""
        runs = [read_history(add_run(f"{seed:03d}", seed=seed)) for seed in range(1, 9)]
        draw_runs(runs, tmp_path / "plot.svg")
        draw_runs(runs[:7], tmp_path / "seven.svg")
        shapes = [
            len(set(re.findall(r'<path id="(m\w+)"', (tmp_path / name).read_text(encoding="utf-8"))))
            for name in ("plot.svg", "seven.svg")
        ]
        assert shapes[0] == shapes[1] + 1

    @pytest.mark.parametrize("name", ["plot.pdf", "plot", "folder.png"])
    def test_other_kinds_of_file_are_refused(self, add_run: AddRun, tmp_path: Path, name: str) -> None:
        (tmp_path / "folder.png").mkdir()
        with pytest.raises(UsageError, match=r"\.png or \.svg"):
            draw_runs([read_history(add_run("001"))], tmp_path / name)

    def test_a_run_without_a_point_is_refused(self, add_run: AddRun, tmp_path: Path) -> None:
        runs = [read_history(add_run("001")), read_history(add_run("002", [row(100)]))]
        with pytest.raises(InputRefused, match="002: no episode has ended"):
            draw_runs(runs, tmp_path / "plot.png")
        assert not (tmp_path / "plot.png").exists()

    def test_a_group_without_common_steps_is_refused(self, add_run: AddRun, tmp_path: Path) -> None:
        runs = [
            read_history(add_run("001", [row(100, 1.0)], seed=1)),
            read_history(add_run("002", [row(200, 1.0)], seed=2)),
        ]
        with pytest.raises(InputRefused, match="no environment steps in common"):
            draw_runs(runs, tmp_path / "plot.png", group=True)

    def test_more_lines_than_can_be_told_apart_are_refused(self, add_run: AddRun, tmp_path: Path) -> None:
        runs = [read_history(add_run(f"{seed:03d}", seed=seed)) for seed in range(len(LINES) + 1)]
        with pytest.raises(UsageError, match=r"29 lines .* 28 at most .* --group"):
            draw_runs(runs, tmp_path / "plot.png")
        draw_runs(runs, tmp_path / "plot.png", group=True)
        assert (tmp_path / "plot.png").is_file()
