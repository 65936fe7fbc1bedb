"""`lander demo`: a policy from nothing, in three commands. What `make demo` does, for machines without it."""

import shlex

import typer

from lander_cli.commands.eval import eval_command
from lander_cli.commands.export import export_command
from lander_cli.commands.training.train import train_command
from lander_cli.terminal.console import say


def demo_command(context: typer.Context) -> None:
    """Train LunarLander-v3, export the policy, score ten landings and record one: the first thing to try."""
    say("lander train")
    run = train_command()
    assert run is not None, "one run was asked for"
    # By its name: another training may be going on beside this one.
    say(f"\n{shlex.join(['lander', 'export', str(run)])}")
    export_command(context, run)
    policy = run / "policy.onnx"
    say(f"\n{shlex.join(['lander', 'eval', str(policy), '--episodes', '10'])}")
    eval_command(policy, episodes=10)
