"""Segment's own packages beside our reading of their languages: the tables are theirs, and 1,000 messages agree."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.segment_languages import mapping, message, trigger

from hubwire.decoding import read_message
from hubwire.destination import Destination
from hubwire.manage.rules.testing import firings
from hubwire.manage.takeover import read_findings, take_over
from hubwire.message import JournalRow

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "segment_packages"
TABLES = sorted((ROOT / "tests/conformance").glob("*.ndjson"))
MESSAGES = 1_000
RANDOM_LINES = 3_000

SUBSCRIPTIONS: list[tuple[str, dict[str, Any]]] = [
    (
        'type = "identify"',
        {
            "email": {"@path": "$.traits.email"},
            "firstname": {
                "@if": {
                    "exists": {"@path": "$.traits.first_name"},
                    "then": {"@path": "$.traits.first_name"},
                    "else": {"@path": "$.traits.firstName"},
                }
            },
            "properties": {"plan": {"@case": {"operator": "lower", "value": {"@path": "$.traits.plan"}}}},
        },
    ),
    (
        'type = "identify" and traits.email != null',
        {"name": {"@template": "{{traits.firstName}} <{{traits.email}}>"}, "all": {"@path": "$.traits"}},
    ),
    (
        'type = "group"',
        {
            "groupid": {"@if": {"blank": {"@path": "$.groupId"}, "then": {"@path": "$.groupId"}, "else": "none"}},
            "flat": {"@flatten": {"value": {"@path": "$.traits"}, "separator": "_", "omitArrays": True}},
        },
    ),
    (
        'type = "track" and event = "Order Completed"',
        {
            "eventName": {"@literal": "pe1_orders"},
            "lines": {"@arrayPath": ["$.properties.products", {"sku": {"@path": "$.sku"}, "all": {"@path": ""}}]},
            "json": {"@json": {"mode": "encode", "value": {"@path": "$.properties"}}},
        },
    ),
    (
        'type = "track" and (event = "Plan Changed" or match(event, "Order*"))',
        {
            "merged": {
                "@merge": {
                    "direction": "right",
                    "objects": [{"total": 0, "coupon": "none"}, {"@path": "$.properties"}],
                }
            },
            "note": {
                "@replace": {
                    "pattern": "-",
                    "replacement": "$&/",
                    "ignorecase": True,
                    "value": {"@path": "$.properties.note"},
                }
            },
        },
    ),
    (
        'type = "track" and properties.total > 10',
        {
            "clean": {"@excludeWhenNull": {"@path": "$.properties"}},
            "decoded": {"@json": {"mode": "decode", "value": {"@path": "$.properties.blob"}}},
        },
    ),
    (
        'type = "page" or type = "screen"',
        {
            "first": {
                "@transform": {
                    "apply": {"who": {"@path": "$.userId"}, "where": {"@path": "$.context.page"}},
                    "mapping": {"text": {"@template": "{{who}} at {{where.path}}"}, "gone": {"@path": "$.type"}},
                }
            }
        },
    ),
    (
        'type = "track" and !contains(event, "Test")',
        {
            "liquid": {
                "@liquid": "{% if properties.total > 20 %}{{ properties.total | times: 1.2 | round: 2 }}"
                "{% else %}{{ event | downcase | replace: ' ', '_' }}{% endif %}"
                "{{ properties.note | default: '-' | truncate: 9 }}"
            }
        },
    ),
]
"""Eight subscriptions of a destination, which use every directive of the mapping language."""


@pytest.fixture(scope="module")
def node() -> str:
    """The path of `node`, with the packages installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed: Segment's packages not compared")
    if not (FOLDER / "node_modules" / "@segment" / "actions-core").exists():
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts"], cwd=FOLDER, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"npm could not install Segment's packages: {done.stderr.strip().splitlines()[-1:]}")
    return node


def run_packages(node: str, *tables: Path) -> None:
    """Write into the tables what the packages make of each line."""
    command = [node, str(ROOT / "scripts/conformance-tables"), str(FOLDER), *map(str, tables)]
    subprocess.run(command, check=True, capture_output=True, timeout=120, env={**os.environ, "TZ": "UTC"})


def test_the_tables_are_what_the_packages_give(node: str, tmp_path: Path) -> None:
    copies = [Path(shutil.copy(table, tmp_path)) for table in TABLES]
    run_packages(node, *copies)

    for table, copy in zip(TABLES, copies, strict=True):
        kept, result = (path.read_text(encoding="utf-8").splitlines()[1:] for path in (table, copy))
        assert [json.loads(line) for line in result] == [json.loads(line) for line in kept]


def test_a_thousand_messages_give_the_same_values_by_eight_subscriptions(node: str, tmp_path: Path) -> None:
    rng = random.Random(18)
    table = tmp_path / "subscriptions.ndjson"
    with table.open("w", encoding="utf-8") as lines:
        for number in range(MESSAGES):
            message = made_up(rng)
            for index, (trigger, mapping) in enumerate(SUBSCRIPTIONS):
                lines.write(json.dumps({"id": f"{number}t{index}", "trigger": trigger, "message": message}) + "\n")
                lines.write(json.dumps({"id": f"{number}m{index}", "mapping": mapping, "message": message}) + "\n")
    run_packages(node, table)

    command = [str(ROOT / "scripts/conformance"), str(table)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    count = 2 * MESSAGES * len(SUBSCRIPTIONS)
    assert done.stdout.splitlines()[:3] == [f"{count} of {count} agree"]


@pytest.mark.slow
def test_random_lines_give_what_the_packages_give(node: str, tmp_path: Path) -> None:
    seed = random.randrange(10**9)
    rng = random.Random(seed)
    table = tmp_path / f"random-{seed}.ndjson"
    with table.open("w", encoding="utf-8") as lines:
        for number in range(RANDOM_LINES):
            given = {"trigger": trigger(rng, 2)} if number % 2 else {"mapping": {"out": mapping(rng, 3)}}
            lines.write(json.dumps({"id": f"r{number}", **given, "message": message(rng)}) + "\n")
    run_packages(node, table)

    command = [str(ROOT / "scripts/conformance"), str(table)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    assert done.stdout.splitlines()[:6] == [f"{RANDOM_LINES} of {RANDOM_LINES} agree"], f"seed {seed}"


def test_an_imported_destination_plans_the_values_of_the_package(node: str, tmp_path: Path) -> None:
    """The subscriptions of a made-up Terraform file, 1,000 messages: every field that a rule takes, by its value."""
    found = read_findings([ROOT / "tests/takeover_files/segment.tf"])
    rules = [msgspec.structs.replace(rule, enabled=True) for rule in take_over(found).rules if rule.writes]
    destination = Destination(destination_id=1, name="hubspot", rules=tuple(rules))
    subscriptions = {subscription.name: subscription for subscription in found.subscriptions}
    rng = random.Random(81)
    rows = [row_of(number, made_up(rng)) for number in range(1, MESSAGES + 1)]
    table = tmp_path / "imported.ndjson"
    with table.open("w", encoding="utf-8") as lines:
        for row in rows:
            message = read_message(row).as_json(True)
            for name, subscription in subscriptions.items():
                about = {"id": f"{row.position} {name}", "message": message}
                lines.write(json.dumps({**about, "trigger": subscription.trigger}) + "\n")
                lines.write(json.dumps({**about, "mapping": subscription.mapping}) + "\n")
    run_packages(node, table)
    by_package: dict[str, list[Any]] = {}
    for text in table.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if "id" in line:
            by_package.setdefault(line["id"], []).append(line.get("expect"))

    compared = 0
    for row in rows:
        for firing in firings(destination, row):
            fires, values = by_package[f"{row.position} {firing.name.removesuffix(' (properties)')}"]
            assert firing.fires == bool(fires), (row, firing)
            for field in firing.fields:
                expected = value_in(values, field.name)
                ours = MISSING_VALUE if field.problem else field.value
                if expected == "" and "(properties)" not in firing.name and ours is MISSING_VALUE:
                    continue  # Segment takes an empty text out of a named field
                assert ours == expected, (row, firing.name, field)
                compared += 1
    assert compared > 1_000


MISSING_VALUE = "<missing>"
KEYS = {
    "key segment_group_id": "groupid",
    "key email": "email",
    "key user_id": "object_details.id_field_value",
    "key order_id": "object_details.id_field_value",
    "key hull": "object_details.id_field_value",
}


def value_in(values: dict[str, Any], name: str) -> Any:
    """The package's value for a field of a rule: a named field, one of `properties`, or a part of the person."""
    if name.startswith("person "):
        part = name.removeprefix("person ")
        return (values.get("record_details") or values).get({"id": "objectId"}.get(part, part), MISSING_VALUE)
    if name.startswith("find "):
        return values.get("companysearchfields", {}).get(name.removeprefix("find "), MISSING_VALUE)
    if name in KEYS:
        found: Any = values
        for step in KEYS[name].split("."):
            found = found.get(step, MISSING_VALUE)
        return found
    properties = {key.lower(): value for key, value in values.get("properties", {}).items()}
    return properties.get(name, values.get(name, MISSING_VALUE))


def row_of(position: int, message: dict[str, Any]) -> JournalRow:
    """A message as the journal has it."""
    return JournalRow(
        position, 1, message["messageId"], 1_795_000_000_000, json.dumps(message).encode(), None, False, None
    )


def made_up(rng: random.Random) -> dict[str, Any]:
    """A message of any type, with values that are there, missing, null, empty or of another type."""
    values = [None, "", "Pro", "a-b-c", 0, 5, 12.5, 39.9, True, False, [], ["x", None], {"a": {"b": 1}}, '{"k":[1,2]}']

    def some(*names: str) -> dict[str, Any]:
        return {name: rng.choice(values) for name in names if rng.random() < 0.7}

    kind = rng.choice(["identify", "track", "track", "group", "page", "screen"])
    message: dict[str, Any] = {"type": kind, "messageId": f"m{rng.random()}", "userId": rng.choice(["u-1", "7"])}
    message["context"] = {"page": some("path", "url"), **some("ip")}
    if kind == "track":
        message["event"] = rng.choice(["Order Completed", "Plan Changed", "Order Test", "Other"])
        message["properties"] = some("total", "coupon", "note", "blob", "plan")
        if rng.random() < 0.5:
            message["properties"]["products"] = [some("sku", "price") for _ in range(rng.randrange(3))]
    elif kind in ("identify", "group"):
        message["traits"] = some("email", "plan", "first_name", "firstName", "website", "address")
        message |= {"groupId": rng.choice(["", "g1", None])} if kind == "group" else {}
    else:
        message |= {"name": "Pricing", "properties": some("path")}
    return message
