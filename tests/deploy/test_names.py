"""What the deployment files name exists: settings, commands, files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.deploy.files import (
    DEPLOY,
    ENV_EXAMPLE,
    ROOT,
    check_command,
    example_settings,
    files,
    of_hubwire,
    settings_of,
)

from hubwire.settings import Settings, env_name

SETTINGS = {env_name(name) for name in Settings.__struct_fields__} | {"HUBWIRE_CONFIG"}
every_file = pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(DEPLOY)))


@every_file
def test_every_setting_exists(path: Path) -> None:
    assert set(re.findall(r"\b(?:HUBWIRE|HUBSPOT)_[A-Z_]+\b", path.read_text(encoding="utf-8"))) <= SETTINGS


def test_every_line_of_the_example_is_a_good_setting() -> None:
    settings = settings_of(example_settings())
    assert settings.database_path is None
    assert settings.journal_url is not None
    assert len(of_hubwire(example_settings())) == len(
        re.findall(r"^#(?:HUBWIRE|HUBSPOT)_", ENV_EXAMPLE.read_text(), re.M)
    )


def test_the_example_as_it_is_sets_nothing() -> None:
    assert not re.findall(r"^[^#\n]", ENV_EXAMPLE.read_text(encoding="utf-8"), re.M)


@every_file
def test_every_command_in_a_remark_exists(path: Path) -> None:
    for command in re.findall(r"`hubwire ([^`]+)`|sudo hubwire (.+)", path.read_text(encoding="utf-8")):
        check_command((command[0] or command[1]).split())


def test_a_wrong_command_is_noticed() -> None:
    check_command(["serve", "--role", "receive", "--port", "8080"])
    for wrong in (["serve", "--roll", "receive"], ["serve", "--role", "receiver"], ["server"]):
        with pytest.raises(Exception, match=r"No such option|is not one of|No such command"):
            check_command(wrong)


@every_file
def test_every_file_that_is_named_exists(path: Path) -> None:
    named = set(re.findall(r"\b(?:deploy|docs)/[\w./-]*\w", path.read_text(encoding="utf-8")))
    assert not [name for name in named - {"deploy/hubwire.env"} if not (ROOT / name).exists()]
