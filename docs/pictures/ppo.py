"""Draw the pictures of docs/ppo.md: `python docs/pictures/ppo.py` writes them beside this file.

Every curve comes out of the function that the chapter links to, never out of a formula typed here. Some
fifteen seconds on one core; on the same machine and versions the files are the same byte for byte.
"""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.distributions import Categorical, kl_divergence

from flights import Moment, early_in_training, flights_from_one_start, values_of
from lander_runtime.files import atomic_write
from lander_trainer import preset
from lander_trainer.plots.style import BLUE, GREEN, ORANGE, PURPLE, VERMILLION
from lander_trainer.ppo.advantages import compute_gae, normalize
from lander_trainer.ppo.gradients import policy_gradient
from lander_trainer.ppo.losses import categorical, clipped_surrogate, ppo_loss
from updates import Follow, follow_updates

CLIP = preset("LunarLander-v3").clip_range
RATIOS = torch.linspace(0.5, 1.5, 401)
LOOSE = 10.0
"""The widest clip range that the trainer takes: a ratio may grow to 11, and to fall has no limit at all."""
BALL = 0.01
"""TRPO's bound on the mean KL divergence in its own experiments (Schulman et al. 2015, appendix E)."""
STOP = preset("LunarLander-v3", "notebook").target_kl
STARTS, FLIGHTS = 6, 40
FIRST_START = 890_000
"""On the training side, so that no scoring episode is looked at."""
LAMBDAS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 1.0)


def main() -> None:
    """Draw all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    out: Path = parser.parse_args().out
    # The last bits of a product depend on the number of threads, and so would the pictures.
    torch.set_num_threads(1)
    moment = early_in_training()
    drawings: dict[str, Callable[[Figure], None]] = {
        "surrogate": draw_surrogate,
        "logits": draw_logits,
        "bound": lambda figure: draw_bound(figure, moment),
        "gae": lambda figure: draw_gae(figure, moment),
        "trust-region": lambda figure: draw_trust_region(figure, moment),
    }
    for name, draw in drawings.items():
        figure = Figure(figsize=(8.6, 4.0), dpi=110, layout="constrained", facecolor="white")
        draw(figure)
        path = out / f"ppo-{name}.png"
        _save_small(figure, path)
        print(path)


def _save_small(figure: Figure, path: Path) -> None:
    """Write `figure` as a PNG of at most 96 colours: a third of the bytes, and no difference to be seen."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    with atomic_write(path) as temporary:
        image.quantize(96, dither=Image.Dither.NONE).save(temporary, format="png", optimize=True)


# The clipped surrogate and its gradients.


def draw_surrogate(figure: Figure) -> None:
    """Objective of one row and its derivative by the ratio, for an advantage of 1 and of -1."""
    figure.set_figheight(5.4)
    panels = figure.subplots(2, 2, sharex=True, sharey="row")
    for column, advantage in zip(panels.T, (1.0, -1.0), strict=True):
        above, below = column
        for clip_range, colour, style, label in (
            (math.inf, ORANGE, "--", "not clipped"),
            (CLIP, BLUE, "-", f"clipped, $\\epsilon$ = {CLIP:g}"),
        ):
            objective, slope = _objective(advantage, clip_range)
            above.plot(RATIOS, objective, style, color=colour, linewidth=2, label=label)
            below.plot(RATIOS, _broken_at_jumps(slope), style, color=colour, linewidth=2)
        verdict = "better" if advantage > 0 else "worse"
        above.set_title(f"{_sign(advantage)}: the action did {verdict} than expected", fontsize=11)
        above.legend(loc="upper left" if advantage > 0 else "upper right", frameon=False, fontsize=9)
        below.set_xlabel("ratio r = new probability / old probability")
        for axes in column:
            axes.axvspan(1 - CLIP, 1 + CLIP, color="black", alpha=0.06, linewidth=0)
            axes.axvline(1, color="black", linewidth=0.8)
            axes.grid(alpha=0.3)
    panels[0, 0].set_ylabel("objective of one row")
    panels[1, 0].set_ylabel("derivative by r")


def _sign(advantage: float) -> str:
    return f"A = {advantage:+g}".replace("-", "\N{MINUS SIGN}")


def _objective(advantage: float, clip_range: float) -> tuple[Tensor, Tensor]:
    """The surrogate (not negated) of single rows at `RATIOS`, and its derivative by the ratio."""
    ratios = RATIOS.clone().requires_grad_()
    rows = torch.stack([-clipped_surrogate(r[None], torch.tensor([advantage]), clip_range) for r in ratios])
    (slopes,) = torch.autograd.grad(rows.sum(), ratios)
    return rows.detach(), slopes


def _broken_at_jumps(slopes: Tensor) -> NDArray[np.float32]:
    """With a gap where the derivative jumps, so that no line pretends to join the two sides."""
    broken = slopes.numpy().copy()
    broken[1:][np.abs(np.diff(slopes.numpy())) > 0.1] = np.nan
    return broken


def draw_logits(figure: Figure) -> None:
    """What a row asks of the logits: by hand as lines, by autograd as dots, over the ratio."""
    panels = figure.subplots(1, 2, sharey=True)
    for axes, advantage in zip(panels, (1.0, -1.0), strict=True):
        by_hand, by_autograd = _logit_slopes(advantage)
        for which, colour, label in (
            (0, BLUE, "logit of the action done"),
            (1, VERMILLION, "logit of each other action"),
        ):
            axes.plot(RATIOS, _broken_at_jumps(by_hand[which]), color=colour, linewidth=2, label=label)
            axes.plot(RATIOS[::16], by_autograd[which][::16], "o", color=colour, markersize=4, alpha=0.5)
        axes.axvspan(1 - CLIP, 1 + CLIP, color="black", alpha=0.06, linewidth=0)
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_title(_sign(advantage), fontsize=11)
        axes.set_xlabel("ratio r = new probability / old probability")
        axes.grid(alpha=0.3)
        axes.set_ylim(-1.1, 1.1)
    left, right = panels
    left.set_ylabel("derivative of the row's objective")
    left.legend(loc="lower right", frameon=False, fontsize=9)
    by_hand = Line2D([], [], color="black", linewidth=2)
    by_autograd = Line2D([], [], color="black", linestyle="", marker="o", markersize=4, alpha=0.5)
    right.legend(
        [by_hand, by_autograd],
        ["policy_gradient, by hand", "autograd through ppo_loss"],
        loc="upper right",
        frameon=False,
        fontsize=9,
    )


def _logit_slopes(advantage: float) -> tuple[Tensor, Tensor]:
    """Derivatives `[4, ratios]` of the objective by the logits, by hand and by autograd.

    The old policy was uniform over four actions, the one done has the ratio on the axis, and the other
    three share the rest.
    """
    rows = len(RATIOS)
    done = RATIOS / 4
    logits = torch.stack([done, *[(1 - done) / 3] * 3], dim=1).log().requires_grad_()
    actions = torch.zeros(rows, dtype=torch.int64)
    old_log_probs, advantages = torch.full((rows,), math.log(1 / 4)), torch.full((rows,), advantage)
    log_probs, entropies = categorical(logits, actions)
    values = torch.zeros(rows)
    loss = ppo_loss(
        log_probs,
        entropies,
        values,
        old_log_probs=old_log_probs,
        old_values=values,
        advantages=advantages,
        returns=values,
        clip_range=CLIP,
        value_coef=0.0,
        entropy_coef=0.0,
        clip_value=False,
    )
    (by_autograd,) = torch.autograd.grad(loss.total, logits)
    by_hand = policy_gradient(
        logits.detach().numpy().T.copy(),
        actions=actions.numpy(),
        old_log_probs=old_log_probs.numpy(),
        advantages=advantages.numpy(),
        clip_range=CLIP,
        entropy_coef=0.0,
    )
    # Both are of the mean loss over the rows; a row's own objective is what is drawn.
    return -rows * torch.from_numpy(by_hand.outputs), -rows * by_autograd.T


# The pessimistic bound.


def draw_bound(figure: Figure, moment: Moment) -> None:
    """Surrogates and KL along the line from the policy that acted to the one after a real update."""
    batch, config = moment.batch, moment.config
    old, new = moment.network.actor.state_dict(), moment.after_the_update().actor.state_dict()
    obs, actions = torch.from_numpy(batch.obs), torch.from_numpy(batch.actions)
    advantages = torch.from_numpy(normalize(batch.advantages))
    old_log_probs = torch.from_numpy(batch.old_log_probs)
    places = np.linspace(-1.0, 4.0, 101)
    curves: list[tuple[float, float, float]] = []
    with torch.inference_mode():
        acted = Categorical(logits=moment.network.actor(obs))
        for place in places.tolist():
            weights = {name: torch.lerp(old[name], new[name], place) for name in old}
            logits = torch.func.functional_call(moment.network.actor, weights, (obs,))
            ratios = (categorical(logits, actions)[0] - old_log_probs).exp()
            unclipped, clipped = (
                -clipped_surrogate(ratios, advantages, clip_range).item()
                for clip_range in (math.inf, config.clip_range)
            )
            curves.append(
                (unclipped, clipped, kl_divergence(acted, Categorical(logits=logits)).mean().item())
            )
    unclipped, clipped, divergence = np.array(curves).T
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    figure.set_figheight(5.2)
    above.plot(places, unclipped, "--", color=ORANGE, linewidth=2, label="surrogate, not clipped")
    above.plot(places, clipped, color=BLUE, linewidth=2, label="surrogate, clipped")
    above.fill_between(places, clipped, unclipped, color=BLUE, alpha=0.12, linewidth=0, label="the pessimism")
    above.set_ylabel("objective")
    # Between the two vertical lines and the curves there is room.
    above.legend(loc="upper left", bbox_to_anchor=(0.42, 1.0), frameon=False, fontsize=9)
    below.plot(
        places, divergence, "-.", color=PURPLE, linewidth=2, label="true KL(old, new), mean of the states"
    )
    below.axhline(BALL, color="black", linewidth=1, linestyle=":", label=f"TRPO's {BALL:g}")
    below.set_ylabel("KL in nats")
    below.legend(loc="upper left", bbox_to_anchor=(0.42, 1.0), frameon=False, fontsize=9)
    below.set_xlabel("along a line through the actor's weights: 0 acted, 1 is where one update went")
    title = f"{len(actions):,} rows of LunarLander-v3 after {moment.steps:,} steps of training"
    above.set_title(title, fontsize=11)
    for axes in (above, below):
        for place in (0, 1):
            axes.axvline(place, color="black", linewidth=0.8)
        axes.grid(alpha=0.3)


# Generalized advantage estimation.


def draw_gae(figure: Figure, moment: Moment) -> None:
    """Bias and spread of the first step's estimate for several lambdas, in points of return."""
    config = moment.config
    estimates = np.empty((STARTS, len(LAMBDAS), FLIGHTS))
    for start in range(STARTS):
        rollout = flights_from_one_start(moment, FIRST_START + start, FLIGHTS)
        values = values_of(moment.network, rollout)
        for number, gae_lambda in enumerate(LAMBDAS):
            advantages, _ = compute_gae(
                rollout.rewards * np.float32(config.reward_scale),
                values,
                rollout.terminated,
                rollout.truncated,
                gamma=config.gamma,
                gae_lambda=gae_lambda,
            )
            estimates[start, number] = advantages[0] / config.reward_scale
    # The estimate at lambda 1 is what the flight really brought, whatever the critic says on the way.
    errors = estimates - estimates[:, -1:]
    bias, spread = errors.mean(axis=2), estimates.std(axis=2, ddof=1)
    uncertainty = errors.std(axis=2, ddof=1).max() / math.sqrt(FLIGHTS)
    axes = figure.subplots()
    at = np.arange(len(LAMBDAS))
    for number in range(STARTS):
        axes.plot(at, np.abs(bias[number]), color=BLUE, linewidth=0.7, alpha=0.35)
        axes.plot(at, spread[number], color=ORANGE, linewidth=0.7, alpha=0.5)
    bias_of_all, spread_of_all = (np.sqrt(np.square(a).mean(axis=0)) for a in (bias, spread))
    axes.plot(at, bias_of_all, "o-", color=BLUE, linewidth=2.2, label="bias: what the critic's errors add")
    axes.plot(at, spread_of_all, "s--", color=ORANGE, linewidth=2.2, label="spread from flight to flight")
    both = np.hypot(bias_of_all, spread_of_all)
    axes.plot(at, both, "^:", color=GREEN, linewidth=2.2, label="both: root mean square error")
    axes.set_xticks(at, [f"{gae_lambda:g}" for gae_lambda in LAMBDAS])
    axes.set_xlabel("$\\lambda$ (not to scale)")
    axes.set_ylabel("points of return")
    axes.set_ylim(0)
    axes.set_title(
        f"{STARTS} starts (thin), {FLIGHTS} flights each; standard error of a bias at most {uncertainty:.1f}",
        fontsize=11,
    )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=9)


# The trust region.


def draw_trust_region(figure: Figure, moment: Moment) -> None:
    """What clipping leaves free in one state beside a KL ball, and the KL of real updates."""
    left, right = figure.subplots(1, 2)
    _draw_ball(left)
    free = follow_updates(moment, clip_range=LOOSE, epochs=10)
    held = follow_updates(moment, clip_range=CLIP, epochs=10)
    _draw_followed(right, free, VERMILLION, "--", f"hardly clipped, $\\epsilon$ = {LOOSE:g}")
    _draw_followed(right, held, BLUE, "-", f"clipped, $\\epsilon$ = {CLIP:g}")
    assert STOP is not None, "the notebook's preset has one"
    right.axhline(STOP, color="black", linewidth=1, linestyle=":", label=f"target_kl = {STOP:g}")
    for followed, colour in ((free, VERMILLION), (held, BLUE)):
        stopped = followed.stops_after(STOP)
        if stopped is not None:
            right.plot(
                stopped, followed.divergences[stopped], "o", color=colour, label="where the KL stop would act"
            )
    right.set_xlabel("minibatches done")
    right.set_ylabel("true KL(old, new) in nats, mean of the states")
    right.set_title("ten epochs on one rollout", fontsize=11)
    right.set_yscale("log")
    right.set_ylim(1e-4, 10)
    right.grid(alpha=0.3)
    right.legend(loc="lower right", fontsize=9)


def _draw_followed(axes: Axes, followed: Follow, colour: str, style: str, label: str) -> None:
    # From the first minibatch: before it the KL is 0, which a logarithm cannot show.
    done = np.arange(1, len(followed.divergences))
    axes.plot(done, followed.divergences[1:], style, color=colour, linewidth=1.6, label=label)


def _draw_ball(axes: Axes) -> None:
    """Policies over three actions in one state: the KL ball, and where a row still has a gradient."""
    old = torch.tensor([0.3, 0.3, 0.4])
    grid = torch.linspace(0.15, 0.45, 301)
    first, second = torch.meshgrid(grid, grid, indexing="xy")
    policies = torch.stack([first, second, 1 - first - second], dim=-1)
    divergences = kl_divergence(Categorical(probs=old), Categorical(probs=policies))
    ratios = (policies / old).requires_grad_()
    # An action is free where it has a gradient whichever way its advantage points.
    slopes = [
        torch.autograd.grad(
            clipped_surrogate(ratios.flatten(), torch.full((ratios.numel(),), advantage), CLIP), ratios
        )[0]
        for advantage in (1.0, -1.0)
    ]
    free = ((slopes[0] != 0) & (slopes[1] != 0)).numpy()
    axes.contourf(grid, grid, free[..., 0], levels=[0.5, 1.5], colors=[BLUE], alpha=0.15)
    axes.contourf(grid, grid, free.all(axis=-1), levels=[0.5, 1.5], colors=[BLUE], alpha=0.35)
    axes.contour(grid, grid, divergences, levels=[BALL], colors=[VERMILLION], linewidths=2)
    axes.plot(*old[:2].tolist(), "ko", markersize=5)
    axes.annotate("old", old[:2].tolist(), xytext=(5, 5), textcoords="offset points", fontsize=9)
    axes.plot([], [], color=VERMILLION, linewidth=2, label=f"KL(old, new) = {BALL:g}")
    axes.fill_between([], [], [], color=BLUE, alpha=0.15, label="ratio of action 1 inside 1 ± $\\epsilon$")
    axes.fill_between([], [], [], color=BLUE, alpha=0.45, label="all three ratios inside")
    axes.set(xlabel="new probability of action 1", ylabel="new probability of action 2", aspect="equal")
    axes.set_title("three actions in one state", fontsize=11)
    axes.set_xlim(0.15, 0.45)
    axes.set_ylim(0.15, 0.45)
    axes.legend(loc="upper left", fontsize=8, frameon=True, framealpha=0.9, edgecolor="none")


if __name__ == "__main__":
    main()
