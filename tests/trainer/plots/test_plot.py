"""Pictures of runs: their limits, and that what is drawn can be read."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lander_runtime.errors import InputRefused, UsageError
from lander_trainer.plots.curve import draw_learning_curve
from lander_trainer.plots.limits import lowest_shown
from lander_trainer.plots.plot import draw_runs, lines_of
from lander_trainer.plots.search import draw_importance
from lander_trainer.plots.style import LINES
from lander_trainer.runs.run_history import read_history
from written_runs import ROWS, AddRun, row


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
