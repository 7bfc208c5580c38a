"""The shape of the project, so that a newcomer finds things where the README says they are."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tracker.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
PACKAGES = ("spiders", "tracker", "notify", "tests")
MOST_LINES = 800
MOST_FUNCTION_LINES = 60


def sources(*packages: str) -> list[Path]:
    return [path for name in packages for path in sorted((ROOT / name).rglob("*.py"))]


def test_top_level_is_what_the_readme_says() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in listed.stdout.splitlines()}
    visible = {name for name in top if not name.startswith(".")}
    assert visible == {"README.md", "LICENSE", "pyproject.toml", *PACKAGES}


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_small(path: Path) -> None:
    if "migrations/versions" in str(path):
        return
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            assert length <= MOST_FUNCTION_LINES, f"{node.name} has {length} lines"


def test_no_file_is_called_utils() -> None:
    vague = {"utils.py", "helpers.py", "common.py", "misc.py"}
    assert not [path for path in sources(*PACKAGES) if path.name in vague]


def test_the_readme_map_is_true() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    start = readme.index("<!-- map -->")
    for name in re.findall(r"^\| `([^`]+)` \|", readme[start:], re.M):
        assert list(ROOT.glob(name)), f"the README's map names {name}, which is not there"


def test_every_setting_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [name for name in Settings.model_fields if f"{PREFIX}{name.upper()}" not in readme]
    assert not missing


def commands() -> list[list[str]]:
    """Every command with its sub-commands, from the program itself."""
    import typer

    from tracker.cli import app

    found: list[list[str]] = []

    def walk(group: object, path: list[str]) -> None:
        for name, command in getattr(group, "commands", {}).items():
            found.append([*path, name])
            walk(command, [*path, name])

    walk(typer.main.get_command(app), [])
    return found


def test_every_command_and_option_has_help() -> None:
    import typer

    from tracker.cli import app

    bare: list[str] = []

    def walk(command: object, path: str) -> None:
        if not (getattr(command, "help", None) or "").strip():
            bare.append(path)
        for parameter in getattr(command, "params", []):
            if parameter.name != "help" and not getattr(parameter, "help", None):
                bare.append(f"{path} {parameter.name}")
        for name, child in getattr(command, "commands", {}).items():
            walk(child, f"{path} {name}")

    walk(typer.main.get_command(app), "billtracker")
    assert not bare


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [
        " ".join(path) for path in commands() if f"billtracker {' '.join(path)}" not in readme
    ]
    assert not missing


def test_help_answers_quickly_without_loading_scrapy() -> None:
    code = "import sys, tracker.cli; assert 'scrapy' not in sys.modules, 'scrapy was imported'"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
