"""Commands, settings, reasons and scopes that the pages name exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.docs.pages import DOCS, ROOT, blocks
from typer.main import get_command

from hubwire.cli.application import app
from hubwire.doctor.features import all_scopes
from hubwire.reasons import Reason
from hubwire.settings import Settings, env_name

PAGES = sorted(
    [
        ROOT / "README.md",
        *DOCS.glob("*.md"),
        *DOCS.glob("how-to/*.md"),
        *DOCS.glob("concepts/*.md"),
        DOCS / "reference" / "reasons.md",
    ]
)
COMMAND = get_command(app)
INLINE = re.compile(r"`(hubwire [^`\n]+)`")
VARIABLE = re.compile(r"\b(?:HUBWIRE|HUBSPOT)_[A-Z_]+\b")
HUBSPOTS_OWN = {"HUBSPOT_DEFINED", "HUBSPOT_MCP_BASE_URL"}  # the second is another program's setting


def commands(text: str) -> Iterator[list[str]]:
    """The hubwire commands of a page, as words: in blocks and in the text."""
    lines = [line for block in blocks(text) if block.language == "sh" for line in block.text.splitlines()]
    for line in [*lines, *INLINE.findall(text)]:
        words = shlex.split(line.partition(" #")[0].partition(" | ")[0], posix=False) if "hubwire" in line else []
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words = words[1:]
        if words[:1] == ["hubwire"]:
            yield words[1:]


def fault(words: list[str]) -> str | None:
    """What of a command does not exist or is missing, or None. A command without any option is only named."""
    command: Any = COMMAND
    path = []
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        path.append(words[0].rstrip(",…"))
        command = command.commands.get(path[-1])
        if command is None:
            return f"no command {' '.join(path)}"
        words = words[1:]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    unknown = [word for word in words if re.fullmatch(r"--[a-z].*", word) and word.partition("=")[0] not in known]
    if unknown:
        return f"{' '.join(path)} has no {' '.join(unknown)}"
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    options = [param for param in command.params if param.required and param.opts[0].startswith("--")]
    missing = [option.opts[0] for option in options if given and not given & set(option.opts)]
    return f"{' '.join(path)} needs {' '.join(missing)}" if missing else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    found = [text for words in commands(page.read_text(encoding="utf-8")) if (text := fault(words))]
    assert not found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_exist(page: Path) -> None:
    known = {env_name(name) for name in Settings.__struct_fields__} | {"HUBWIRE_CONFIG"}
    named = set(VARIABLE.findall(page.read_text(encoding="utf-8")))
    assert named - known <= HUBSPOTS_OWN


def test_the_service_key_page_names_every_scope() -> None:
    text = (DOCS / "how-to" / "service-keys.md").read_text(encoding="utf-8")
    assert not [scope for scope in all_scopes() if f"`{scope}`" not in text]


def test_reasons_in_commands_exist() -> None:
    named = {
        words[words.index("--reason") + 1]
        for page in PAGES
        for words in commands(page.read_text(encoding="utf-8"))
        if "--reason" in words
    }
    assert named
    assert named <= set(Reason)


def test_what_does_not_exist_is_seen() -> None:
    assert fault(["status", "--nothing"]) == "status has no --nothing"
    assert fault(["destination", "nothing"]) == "no command destination nothing"
    assert fault(["destination", "change", "hubspot", "--forms"]) is None
    assert fault(["replay", "--left-out", "FIELD"]) == "replay needs --state"
    assert fault(["replay"]) is None
