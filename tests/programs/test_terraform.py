"""The Terraform provider for HubSpot, unmodified, against the emulator."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.programs.world import SCRIPTS, TOKEN, Program

pytestmark = pytest.mark.slow
FILE = "terraform-provider-hubspot"


def provider() -> Path:
    """The folder of the provider's program."""
    folder = os.environ.get("TERRAFORM_PROVIDER_HUBSPOT", "")
    if not (Path(folder) / FILE).is_file():
        pytest.skip("the provider is in no Go registry: TERRAFORM_PROVIDER_HUBSPOT names the folder of a built one")
    return Path(folder)


def test_terraform_makes_changes_and_removes_a_property(program: Callable[[Path], Program], tmp_path: Path) -> None:
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is not installed")
    folder, work = provider(), tmp_path / "work"
    work.mkdir()
    shutil.copy(SCRIPTS / "portal.tf", work / "main.tf")
    settings = tmp_path / "terraform.rc"
    overrides = f'dev_overrides {{\n    "jackemcpherson/hubspot" = "{folder}"\n  }}'
    settings.write_text(f"provider_installation {{\n  {overrides}\n  direct {{}}\n}}\n")
    hubspot = program(folder)
    environment = {
        "TF_CLI_CONFIG_FILE": str(settings),
        "HUBSPOT_ACCESS_TOKEN": TOKEN,
        "TF_VAR_api_base_url": hubspot.emulator.base_url,
        "CHECKPOINT_DISABLE": "1",
    }

    def run(*arguments: str, code: int = 0) -> str:
        return hubspot.run([terraform, *arguments, "-no-color"], environment, code=code, folder=work)

    run("apply", "-auto-approve")
    definition = {item["name"]: item for item in hubspot.emulator.properties("contacts")}["customer_tier"]
    assert definition["groupName"] == "billing"
    assert [option["value"] for option in definition["options"]] == ["premium", "standard"]
    run("plan", "-detailed-exitcode")  # nothing differs from what was read back
    text = (work / "main.tf").read_text().replace('"Customer tier"', '"Tier"')
    (work / "main.tf").write_text(text)
    run("apply", "-auto-approve")
    assert {item["name"]: item for item in hubspot.emulator.properties("contacts")}["customer_tier"]["label"] == "Tier"
    run("destroy", "-auto-approve")
    assert "customer_tier" not in {item["name"] for item in hubspot.emulator.properties("contacts")}
