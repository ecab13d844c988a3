"""The compose files: valid by the specification's schema, whole in themselves, and good settings for Hubwire."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from tests.deploy.files import DATA, DEPLOY, PORT, ROOT, check_command, example_settings, parsed, settings_of, tool

from hubwire.deliver.lanes.worker import Worker
from hubwire.process.server import GRACE_SECONDS

FILES = sorted(DEPLOY.glob("compose*.yaml"))
SCHEMA_FOLDER = Path(__file__).parent / "compose_schema"
OWN_IMAGE = "hubwire:local"
JETSTREAM = "nats://nats-1:4222,nats-2:4222,nats-3:4222"

compose_files = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


def services(path: Path) -> dict[str, dict[str, Any]]:
    """The services as compose sees them: merged, and with the example's values put in."""
    return dict(filled(parsed(path), example_settings())["services"])


def filled(value: Any, environment: dict[str, str]) -> Any:
    """Interpolation as compose does it, in the two forms that the files use: `${A:?…}` and `${A:-…}`."""
    if isinstance(value, dict):
        return {name: filled(part, environment) for name, part in value.items()}
    if isinstance(value, list):
        return [filled(part, environment) for part in value]
    if isinstance(value, str):
        return re.sub(r"\$\{([A-Z_]+):([?-])([^}]*)\}", lambda found: environment[found[1]], value)
    return value


def own(path: Path) -> dict[str, dict[str, Any]]:
    """The services that are Hubwire."""
    return {name: service for name, service in services(path).items() if service["image"] == OWN_IMAGE}


@pytest.fixture(scope="module")
def schema() -> Any:
    """The compose specification's schema."""
    npm = tool("npm", "the compose files are not validated")
    file = SCHEMA_FOLDER / "node_modules" / "dclint" / "schemas" / "compose.schema.json"
    if not file.exists():
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts"], cwd=SCHEMA_FOLDER, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"npm could not install the compose schema: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(file.read_text(encoding="utf-8"))


@compose_files
def test_it_is_valid(path: Path, schema: Any) -> None:
    content = parsed(path)
    assert not [
        f"{list(error.absolute_path)}: {error.message}" for error in Draft7Validator(schema).iter_errors(content)
    ]


def test_the_schema_sees_faults(schema: Any) -> None:
    assert list(Draft7Validator(schema).iter_errors({"services": {"a": {"image": "x", "read-only": True}}}))


@compose_files
def test_what_it_refers_to_is_there(path: Path) -> None:
    content = parsed(path)
    known = services(path)
    for service in known.values():
        assert set(service.get("depends_on", ())) <= set(known)
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith("./") else source in content["volumes"]
    for service in own(path).values():
        build = service["build"]
        assert (DEPLOY / build["context"]).resolve() == ROOT
        assert (DEPLOY / build["context"] / build["dockerfile"]).exists()


@compose_files
def test_its_variables_are_in_the_example(path: Path) -> None:
    named = set(re.findall(r"\$\{([A-Z_]+)", path.read_text(encoding="utf-8")))
    assert named <= set(example_settings())


@compose_files
def test_hubwire_takes_its_settings_and_commands(path: Path) -> None:
    for service in own(path).values():
        settings = settings_of({**example_settings(), **service["environment"]})
        assert settings.port == PORT
        words = service.get("command", ["serve"])
        check_command(words)
        if "--role" in words:
            assert settings.database_url == "postgresql://hubwire:letters-and-digits-only@postgres/hubwire"
            assert settings.journal_url == JETSTREAM


@compose_files
def test_hubwire_may_do_little(path: Path) -> None:
    drain_seconds = inspect.signature(Worker.stop).parameters["timeout_seconds"].default
    for service in own(path).values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert int(service["stop_grace_period"].removesuffix("s")) >= GRACE_SECONDS + drain_seconds
        places = [*service.get("tmpfs", ()), *(volume.split(":")[1] for volume in service.get("volumes", ()))]
        assert DATA in places


@compose_files
def test_ports_are_open_on_this_machine_only_and_lead_to_hubwire(path: Path) -> None:
    ports = [port for service in services(path).values() for port in service.get("ports", ())]
    assert ports == [f"127.0.0.1:{PORT}:{PORT}"]


def test_the_fleet_is_two_of_each_role() -> None:
    fleet = own(DEPLOY / "compose.fleet.yaml")
    assert {name: (service["command"], service["deploy"]["replicas"]) for name, service in fleet.items()} == {
        role: (["serve", "--role", role], 2) for role in ("receive", "deliver")
    }


def test_the_nodes_are_those_that_the_journal_names() -> None:
    known = services(DEPLOY / "compose.fleet.yaml")
    nodes = {name: entry for name, entry in known.items() if name.startswith("nats-")}
    assert {name: node["environment"]["NATS_NAME"] for name, node in nodes.items()} == {name: name for name in nodes}
    assert all(node["profiles"] == ["jetstream"] for node in nodes.values())
    assert f"nats://{',nats://'.join(f'{name}:4222' for name in nodes)}".replace(",nats://", ",") == JETSTREAM
    assert example_settings()["HUBWIRE_JOURNAL_URL"] == JETSTREAM
