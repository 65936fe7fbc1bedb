# %% [markdown]
# # Landing on the moon with PPO
#
# A lander that knows nothing falls and crashes. In a few seconds it learns to land, while you watch. On the
# way you see the one idea that makes PPO work, break it, and read a score with its doubt.
#
# Run the cells from top to bottom. All of it takes less than three minutes on two processor cores. No GPU
# is needed. It works in Jupyter, VS Code and Colab.

# %% hidden
# In a checkout of the project the package is taken from there, else pip looks for it in its package index.
import importlib.util
import subprocess
import sys
from pathlib import Path

folders = [Path.cwd(), *Path.cwd().parents]
checkout = next((folder for folder in folders if (folder / "simulator/lander_simulator").is_dir()), None)
pip_install = [sys.executable, "-m", "pip", "install", "-q"]
if checkout:
    # The versions that are tested.
    pip_install += ["-c", f"{checkout}/constraints.txt"]

if importlib.util.find_spec("lander_rl") is None:
    source = ["-e", f"{checkout}[train,eval,cpu]"] if checkout else ["lander-rl[train,eval,cpu]"]
    subprocess.run([*pip_install, *source], check=True)
    importlib.invalidate_caches()

# Before NumPy is loaded: the same weights as with the `lander` command, on any processor.
from lander_runtime.kernels import fix_kernels

fix_kernels()

# %%
import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import HTML

import lander_rl
from lander_trainer.ppo.losses import clipped_surrogate

# %% parameters
STEPS = 600_000  # of the training that you watch
BROKEN_STEPS = 400_000  # of each training with one broken setting
EPISODES = 100  # of each score

# %% [markdown]
# ## 1. A lander that knows nothing
#
# Eight numbers come in: position, speed, angle, and whether each leg touches the ground. One of four
# actions goes out: coast, left engine, main engine, right engine. This policy picks one at random.

# %%
chance = np.random.default_rng(seed=1)


def random_policy(obs):
    """Observations `[batch, 8]` to actions `[batch]`."""
    return chance.integers(4, size=len(obs))


lander_rl.record(random_policy, "runs/random.gif", env="LunarLander-v3")

# %%
random_report = lander_rl.evaluate(random_policy, "LunarLander-v3", episodes=EPISODES)
random_report

# %% [markdown]
# A crash costs 100 points, a landing earns 100, and each step earns something for coming closer and slower.
# Gymnasium calls the task solved at 200. Random actions are far below zero.
#
# ## 2. The idea: small steps
#
# A policy gives each action a probability. Learning raises the probability of actions that did better than
# expected, and lowers the others. How much better is the *advantage* $A$.
#
# The danger is a step that is too large. The data comes from the old policy. Far away from that policy it
# says little, and one bad step can destroy what was learned. So PPO looks at the *ratio*
#
# $$r = \frac{\text{probability of the action now}}{\text{probability when it was taken}}$$
#
# and maximises the *clipped surrogate*
#
# $$\min\bigl(r A,\ \mathrm{clip}(r, 1 - \epsilon, 1 + \epsilon)\, A\bigr).$$
#
# Once the ratio has left the range from $1 - \epsilon$ to $1 + \epsilon$ in the direction that pays, the
# curve is flat. There is nothing more to gain, so the policy stays close to the one that collected the
# data.
#
# Move the slider. It starts at the $\epsilon$ of the training below. The curves come from the function that
# trains there, not from a formula typed here.


# %%
def draw_surrogate(epsilon):
    """Objective of one action over its ratio, for a good action and for a bad one."""
    ratios = torch.linspace(0.0, 2.0, 201)
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for panel, advantage in zip(panels, (1.0, -1.0), strict=True):
        advantages = torch.full((1,), advantage)
        clipped = [-clipped_surrogate(ratio[None], advantages, epsilon).item() for ratio in ratios]
        panel.plot(ratios, ratios * advantage, "--", color="#E69F00", label="not clipped")
        panel.plot(ratios, clipped, color="#0072B2", linewidth=2.5, label="clipped")
        panel.axvspan(1 - epsilon, 1 + epsilon, color="black", alpha=0.07, linewidth=0)
        better = "better" if advantage > 0 else "worse"
        panel.set(title=f"the action did {better} than expected", xlabel="ratio", ylim=(-2.1, 2.1))
        panel.grid(alpha=0.3)
        panel.legend(loc="upper left" if advantage > 0 else "upper right", frameon=False)
    panels[0].set_ylabel("objective")
    plt.close(figure)
    return figure


def slider(name, figures, start):
    """One of several figures, chosen with a slider. The browser does it alone, without the kernel."""
    pictures, values = [], list(figures)
    first = values.index(start)
    for number, (value, figure) in enumerate(figures.items()):
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=90)
        data = base64.b64encode(file.getvalue()).decode()
        hidden = "" if number == first else " hidden"
        text = f"{name} = {value}"
        pictures.append(
            f'<img alt="{text}" src="data:image/png;base64,{data}" style="max-width:100%"{hidden}>'
        )
    show = (
        "const all = this.closest('div').querySelectorAll('img');"
        "all.forEach((one, number) => one.hidden = number != this.value);"
        "this.nextElementSibling.textContent = all[this.value].alt"
    )
    return HTML(
        f'<div><label><input type="range" min="0" max="{len(values) - 1}" value="{first}" oninput="{show}">'
        f" <output>{name} = {start}</output></label><br>{''.join(pictures)}</div>"
    )


figures = {epsilon: draw_surrogate(epsilon) for epsilon in (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6)}
slider("epsilon", figures, start=0.15)

# %% [markdown]
# ## 3. Train, and watch the curve grow
#
# Blue is the mean return of the last 100 training episodes. The policy still explores there. The dots are
# the greedy policy on episodes that training never sees. The stop button saves the run and keeps what was
# learned.

# %%
run = lander_rl.train("LunarLander-v3", steps=STEPS, seed=1)

# %% [markdown]
# The run is a folder. It shows its steps, its time, its best score and the learning curve. `run.config` has
# the settings.

# %%
run

# %% [markdown]
# ## 4. See it land
#
# `export` writes one file, and refuses to if that file does not do what the network does. It scores the
# policy on new episodes. The picture is the first of them.
#
# The notebook that this project comes from trained for 2.5 million steps and scored 257.9, over ten episodes.

# %%
policy = run.export(episodes=EPISODES)
policy

# %% [markdown]
# ## 5. Break one setting
#
# Three trainings, each with one setting changed, beside one without. Guess first which of them hurts.
#
# - `gae_lambda=1`: whole returns, from which the critic's value of the first state is still taken away. What
#   came later is not replaced by the critic's estimate: unbiased and very noisy.
# - `clip_value=True`: the critic may change by no more than `clip_range` in an update. Returns here are
#   much larger than that, so it learns slowly.
# - `normalize_advantages=False`: the size of a step depends on the size of the rewards.

# %%
changes = [{}, {"gae_lambda": 1.0}, {"clip_value": True}, {"normalize_advantages": False}]
runs = [
    lander_rl.train("LunarLander-v3", steps=BROKEN_STEPS, seed=1, progress=False, **change)
    for change in changes
]
lander_rl.plot(*runs, out="runs/broken.png")

# %% [markdown]
# Look at where the lines rise, and at where they end. The first two changes make learning slower. The third
# is less clear: it does not slow the start, because this preset scales the rewards already. Does it end as
# high as the line without a change? So a rule from a book is worth a try of your own. One seed is one story:
# `docs/training.md` has such changes with three and five seeds.
#
# Change a setting yourself; `lander_rl.settings()` lists them all. In the table below, `default` is the value
# for any environment, and `preset` the value that LunarLander trains with.

# %%
lander_rl.settings("clip_range")

# %% [markdown]
# ## 6. Which of two policies is better?
#
# Yours was trained for seconds, the one that ships for eight minutes. Both run the same episodes. Mind the
# names: `LunarLander-v3/` with the number of a run is yours, `lunarlander-v3` is the one that ships.

# %%
ships = next(model.path for model in lander_rl.models() if model.env == "LunarLander-v3")
comparison = lander_rl.compare(ships, policy, episodes=EPISODES)
comparison

# %% [markdown]
# With 95% confidence the true difference lies in the interval of the verdict. If that contains 0, these
# episodes show no difference. More episodes make it narrower: four times as many halve it.
#
# ## 7. Ten lines without this package
#
# The file needs ONNX Runtime and nothing else. Observations go in as the environment gives them.

# %%
import gymnasium
import onnxruntime

session = onnxruntime.InferenceSession(policy.path, providers=["CPUExecutionProvider"])
env = gymnasium.make("LunarLander-v3")
obs, _ = env.reset(seed=1_000_000)
total, done = 0.0, False
while not done:
    action = session.run(["action"], {"obs": obs[None]})[0][0]
    obs, reward, terminated, truncated, _ = env.step(action)
    total, done = total + float(reward), terminated or truncated
print(f"return {total:.1f} in the episode of the picture above")

# %% [markdown]
# ## 8. Playing Doom
#
# The same algorithm learns from pictures. Four grey frames of 60 x 80 pixels go in, a button comes out.
# Training takes two minutes (`lander train VizdoomBasic-v1`), so here a policy that ships plays. The engine
# is a package of its own, vizdoom, which the cell installs where it is missing.

# %%
if importlib.util.find_spec("vizdoom") is None:
    pip = subprocess.run([*pip_install, "vizdoom>=1.3"], check=False, capture_output=True, text=True)
    importlib.invalidate_caches()
    if pip.returncode != 0:
        print(pip.stderr)

doom = next(model.path for model in lander_rl.models() if model.env == "VizdoomBasic-v1")
if importlib.util.find_spec("vizdoom"):
    played = lander_rl.record(doom, "runs/doom.gif")
else:
    played = "Doom is not played: vizdoom could not be installed. What pip says about it stands above."
played

# %% [markdown]
# The lander's policy has 5,000 weights, this one 410,000: two convolutions look at the pictures first. All
# else is the same code.
#
# ## Go on
#
# - `exercises.ipynb`: five exercises, each checked.
# - `docs/ppo.md`: the algorithm, formula by formula, beside the code.
# - `lander play` in a terminal: land yourself, beside the policy.
# - `docs/doom.md`: three scenarios of Doom.
