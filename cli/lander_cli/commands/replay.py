"""`lander replay`: verify recorded episodes without the policy, and draw them."""

from typing import Annotated

from lander_cli.arguments import checking_options as given
from lander_cli.arguments.options import Import, json_flag, shown
from lander_cli.outputs.replay_results import print_results
from lander_cli.terminal.console import print_json, print_next, say
from lander_cli.terminal.talk import Talk
from lander_runtime.errors import CheckFailed


def replay_command(
    file: given.ReplayFile,
    gif: given.ReplayGif = None,
    mp4: given.ReplayMp4 = None,
    render: given.ReplayRender = None,
    episodes: given.ReplayEpisodes = None,
    size: given.Size = "1",
    speed: given.Speed = 1.0,
    import_: Import = None,
    as_json: Annotated[bool, json_flag("lander.replay-proof/1")] = False,
) -> None:
    """Run recorded episodes again without the policy, compare every step with the file, and draw them.

    If a step, an end or a return differs from the file, the exit code is 1.
    """
    from lander_rl.inputs.importing import import_options
    from lander_rl.watching.replaying import ReplayRequest, run_replay

    request = ReplayRequest(file, episodes, gif, mp4, shown(render), size, speed, tuple(import_ or []))
    result = run_replay(request, Talk())
    if as_json:
        print_json(result.to_json())
    else:
        print_results(result)
    for path in result.drawn:
        say(f"Drew {path}")
    if result.failure is not None:
        raise CheckFailed(result.failure)
    imports = import_options(request.imports)
    if request.draws:
        print_next("lander", "replay", file, *imports)
    else:
        print_next("lander", "replay", file, *imports, "--episodes", "worst", "--gif", "worst.gif")
