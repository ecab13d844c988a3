"""The files of deploy/, as values: settings, commands, YAML documents."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from hubwire.cli.application import app
from hubwire.settings import Settings, load

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
ENV_EXAMPLE = DEPLOY / "hubwire.env.example"
CONTAINERFILE = DEPLOY / "Containerfile"
DATA = "/var/lib/hubwire"
PORT = Settings().port


def parsed(path: Path) -> dict[str, Any]:
    """The only YAML document of a file."""
    [document] = documents(path)
    return document


def documents(path: Path) -> list[dict[str, Any]]:
    """The YAML documents of a file."""
    return [dict(document) for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


def example_settings() -> dict[str, str]:
    """Every line of the example, as if its # were taken away."""
    lines = re.findall(r"^#?([A-Z_]+)=(.*)$", ENV_EXAMPLE.read_text(encoding="utf-8"), re.M)
    return dict(lines)


def of_hubwire(environment: Mapping[str, str]) -> dict[str, str]:
    """What Hubwire reads of an environment."""
    return {name: value for name, value in environment.items() if name.startswith(("HUBWIRE_", "HUBSPOT_"))}


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings that a process with this environment has. Errors: SettingsError."""
    return load(of_hubwire(environment), file=None)


def check_command(words: Sequence[str]) -> None:
    """Parse a command of `hubwire` as it would be, without running it. Errors: a usage error names what is wrong."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("hubwire", list(words), resilient_parsing=False)
    while hasattr(command, "commands"):
        name, command, rest = command.resolve_command(context, list(words))
        words = rest
        if not hasattr(command, "commands"):
            command.make_context(name, list(words), parent=context)


def tool(name: str, says: str) -> str:
    """The path of a program, beside this Python or anywhere; without it the test is skipped with these words."""
    beside = Path(sys.executable).with_name(name)
    folders = f"{os.environ.get('PATH', '')}:/usr/sbin:{Path.home() / 'go' / 'bin'}"
    found = str(beside) if beside.exists() else shutil.which(name, path=folders)
    if found is None:
        pytest.skip(f"{name} is not installed: {says}")
    return found


def files() -> list[Path]:
    """Every file of deploy/ that is the project's."""
    return [path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and path.name != "hubwire.env"]
