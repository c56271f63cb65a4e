from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from crm_core.__main__ import app
from crm_core.sales.preflight.check import Code
from crm_core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+(?:\[[a-z]+\])?)==[\w.]+$")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
_COMMAND = re.compile(r"^\| `([a-z]+(?: [a-z]+)?)\b", re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    targets = [target for target in _LINK.findall(document.read_text()) if "://" not in target]
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert missing == []


def test_every_setting_is_documented_and_nothing_else() -> None:
    documented = set(re.findall(r"^\| `(CRM_[A-Z_]+)` \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))
    assert documented == {f"CRM_{name.upper()}" for name in Settings.model_fields}


def test_every_library_is_pinned_and_its_reason_given_and_no_other_ones() -> None:
    pinned = []
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text().splitlines():
            if line != "-r requirements.txt":
                exact = _PINNED.match(line)
                assert exact, f"{line} in {name} is not pinned"
                pinned.append(exact[1])
    rows = re.findall(r"^\| ([^|]+?) \|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    assert sorted(row for row in rows if row != "library" and not row.startswith("-")) == sorted(pinned)


def _commands(group: TyperGroup, path: str = "") -> Iterator[tuple[str, set[str]]]:
    """The commands as they are typed, with their options."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(command, f"{path}{name} ")
        else:
            options = {each for one in command.params for each in (*one.opts, *one.secondary_opts)}
            yield f"{path}{name}", {*options, "--help"}


def test_every_command_is_documented_and_every_option_that_is_named_exists() -> None:
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    commands = dict(_commands(program))
    assert sorted(_COMMAND.findall((ROOT / "docs/command-line.md").read_text())) == sorted(commands)
    options = set.union(*commands.values())
    rules = next(row for row in (ROOT / "docs/command-line.md").read_text().splitlines() if "`channel set " in row)
    assert set(_OPTION.findall(rules)) == commands["channel set"] - {"name", "--help"}
    named = {option for document in DOCUMENTS for option in _OPTION.findall(document.read_text())}
    assert named - options == set()


def test_every_check_before_an_order_is_documented() -> None:
    rows = re.findall(r"^\| ([a-z_, ]+) \|", (ROOT / "docs/preflight.md").read_text(), re.MULTILINE)
    named = {name for row in rows for name in row.split(", ")} - {"check", "line"}
    assert named == {code.value for code in Code}


def test_the_product_stands_alone() -> None:
    elsewhere = re.compile(rf"{re.escape(str(ROOT))}|/(?:home|root|Users|work|workspace)/|\.\./\w")
    parts = ("crm_core", "pages", "demo_store", "benchmarks", "docs")
    files = [path for part in parts for path in (ROOT / part).rglob("*") if path.suffix in {".py", ".md"}]
    files += [path for path in ROOT.glob("*.*") if path.suffix in {".py", ".md", ".toml", ".txt"}]
    files += [ROOT / "Makefile", ROOT / ".ci" / "run", ROOT / ".streamlit" / "config.toml"]
    assert [str(path) for path in files if elsewhere.search(path.read_text())] == []
