"""The pages agree with each other and with the command: links, anchors, paths, commands and options."""

import re
from pathlib import Path

import pytest
import typer
import typer.core

from lander_cli.main import app
from lander_runtime.serving.naming import policy_name

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
NOTEBOOKS = [
    *sorted((ROOT / "examples" / "notebook").glob("*.py")),
    ROOT / "examples" / "notebook" / "README.md",
]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GROUP = typer.main.get_command(app)
assert isinstance(GROUP, typer.core.TyperGroup)
COMMANDS = GROUP.commands


def without_code(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def headings(page: Path) -> set[str]:
    """Anchors as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def typed(text: str) -> list[list[str]]:
    """Words of every `lander ...` in code and in steps of a workflow, without comments."""
    lines = re.findall(r"^(?: {4}(?:\$ )?| +- run: )(lander .+)$", text, re.MULTILINE) + re.findall(
        r"`(lander [^`]+)`", text
    )
    return [re.sub(r"\s#.*", "", line.replace("\n", " ")).split() for line in lines]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page)):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            file = page.parent / path if path else page
            assert file.exists(), target
            assert not anchor or anchor in headings(file), target


@pytest.mark.parametrize("page", [*PAGES, *NOTEBOOKS, *WORKFLOWS], ids=lambda page: page.name)
def test_commands_on_the_page_take_the_options_that_stand_beside_them(page: Path) -> None:
    for _, name, *words in typed(page.read_text(encoding="utf-8")):
        if name.startswith("-") or name.isupper():
            continue
        assert name in COMMANDS, name
        options = {option for item in COMMANDS[name].params for option in (*item.opts, *item.secondary_opts)}
        for word in words:
            option = re.match(r"--[a-z0-9-]+", word)
            assert not option or option.group() in options | {"--help", "--debug"}, (name, word)


def test_every_command_has_a_section_and_every_page_stands_in_the_index() -> None:
    sections = headings(DOCS / "commands.md")
    assert {f"lander-{name}" for name in COMMANDS} <= sections
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"| [{page.name}]({page.name}) |" in index


def test_the_readme_is_short() -> None:
    """Under 900 words of prose: code and tables aside."""
    text = re.sub(r"\]\([^)]*\)", "]", without_code(ROOT / "README.md"))
    prose = [line for line in text.splitlines() if not line.startswith(("|", "    "))]
    assert len(" ".join(prose).split()) < 900


def test_every_room_stands_on_the_page_about_the_structure() -> None:
    page = (DOCS / "structure.md").read_text(encoding="utf-8")
    for package in ("runtime/lander_runtime", "trainer/lander_trainer", "api/lander_rl", "cli/lander_cli"):
        listed = page[page.index(f"    {package}/") :]
        for room in (ROOT / package).iterdir():
            if room.is_dir() and room.name != "__pycache__":
                assert f"\n      {room.name}/ " in listed, room


def test_the_page_about_serving_asks_under_the_name_that_the_file_is_served_as() -> None:
    page = (DOCS / "serving.md").read_text(encoding="utf-8")
    path, address = re.findall(r"^    lander serve (\S+\.onnx) +# (http://\S+)$", page, re.MULTILINE)[0]
    name = policy_name(ROOT / path)
    assert address.endswith(f"/v2/models/{name}")
    assert f"/v2/models/{name}/infer -d" in page
    assert f'client.infer("{name}"' in page


def test_every_figure_has_a_date_and_a_command_of_its_own() -> None:
    table = (
        (DOCS / "figures.md").read_text(encoding="utf-8").partition("| what | figure | date | command |")[2]
    )
    rows = re.findall(r"^\| (?!---)(.+) \|$", table.partition("\n\n")[0], re.MULTILINE)
    assert rows
    for row in rows:
        *_, date, command = row.split(" | ")
        assert re.match(r"20\d\d-\d\d-\d\d", date), row
        assert "`" in command or command[0] == "[", row
