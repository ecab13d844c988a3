"""Every case of `tests/cases` at once, through the real thing: one `hubwire serve`, configured by `hubwire apply`, the
messages by HTTP to each case's own source, and an emulated HubSpot on a port of its own for each."""

from __future__ import annotations

import base64
import json
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.integration.test_cases_end_to_end import FILES, Case, assert_state
from tests.support.process import TOKEN, HubwireProcess
from tests.support.world import HUB_ID, portal_of

from hubwire.testing import Emulator, running_emulator


def toml(value: Any) -> str:
    """A value of a case as TOML; null (a trait that is ignored) is written as false."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(False if value is None else value)


def tables(name: str, fields: dict[str, Any], hubspot: Emulator) -> str:
    """A source and a destination for one case, joined to nobody else's."""
    source = {"name": name, "identity_space": name, "write_key_env": key_name(name), **fields.get("source", {})}
    destination = {
        "name": name,
        "hub_id": HUB_ID,
        "base_url": hubspot.base_url,
        "token_env": "CASE_TOKEN",
        "sources": [name],
        "mapping": fields.get("mapping", {}),
        "rule": fields.get("rule", []),
        **fields.get("destination", {}),
    }
    lines = []
    for table, of in (("source", source), ("destination", destination)):
        lines += [f"[[{table}]]", *(f"{key} = {toml(value)}" for key, value in of.items())]
    return "\n".join([*lines, ""])


def key_name(name: str) -> str:
    return f"KEY_{name.upper().replace('-', '_')}"


def send(url: str, write_key: str, messages: list[dict[str, Any]]) -> None:
    credentials = base64.b64encode(f"{write_key}:".encode()).decode()
    request = urllib.request.Request(
        f"{url}/v1/batch",
        data=json.dumps({"batch": messages}).encode(),
        headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        assert response.status == 200


def test_all_cases_end_in_their_states_through_a_real_process(tmp_path: Path) -> None:
    names = {path: f"case-{number}" for number, path in enumerate(FILES)}
    keys = {key_name(name): f"wk_of_{name}_0123456789" for name in names.values()}
    with ExitStack() as stack:
        portals: dict[Path, Emulator] = {}
        written = []
        for path, name in names.items():
            case = Case(path)
            portal = running_emulator(access_token=TOKEN, tier=case.tier, creates_companies_from_emails=False)
            portals[path] = stack.enter_context(portal)
            case.seed(portals[path])
            written.append(tables(name, json.loads(path.read_text()), portals[path]))
        (tmp_path / "cases.toml").write_text("\n".join(written))
        # A live installation: a sandbox takes no other portals.
        first = stack.enter_context(running_emulator(access_token=TOKEN))
        hubwire = stack.enter_context(HubwireProcess(tmp_path, first.base_url, CASE_TOKEN=TOKEN, **keys))
        hubwire.run("apply", "cases.toml", "--yes")
        for path, name in names.items():
            send(hubwire.url, keys[key_name(name)], Case(path).messages)
        hubwire.drained()
        failures: dict[str, str] = {}
        for path, hubspot in portals.items():
            found = portal_of(hubspot.contacts(), hubspot.companies(), hubspot.associations(), hubspot.events())
            try:
                assert_state(found, Case(path).expected)
            except AssertionError as exc:
                failures[path.stem] = str(exc)
        assert failures == {}
