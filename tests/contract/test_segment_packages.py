"""Segment's own packages beside our reading of their languages: the tables are theirs, and 1,000 messages agree."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support.segment_languages import mapping, message, trigger

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
        kept, made = (path.read_text(encoding="utf-8").splitlines()[1:] for path in (table, copy))
        assert [json.loads(line) for line in made] == [json.loads(line) for line in kept]


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
