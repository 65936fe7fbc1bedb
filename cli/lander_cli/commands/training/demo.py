"""`lander demo`: a policy from nothing, in three commands. What `make demo` does, for machines without it."""

import typer

from lander_cli.commands.eval import eval_command
from lander_cli.commands.export import export_command
from lander_cli.commands.training.train import train_command
from lander_cli.terminal.console import say


def demo_command(context: typer.Context) -> None:
    """Train LunarLander-v3, export the policy, score ten landings and record one: the first thing to try."""
    say("lander train")
    train_command()
    say("\nlander export")
    export_command(context)
    say("\nlander eval --episodes 10")
    eval_command(episodes=10)
