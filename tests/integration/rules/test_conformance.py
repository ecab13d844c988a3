"""Both languages against the tables in tests/conformance, which hold what Segment's own packages make of each line."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TABLES = ROOT / "tests/conformance"


def conformance(*files: Path) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts/conformance"), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["mapping.ndjson", "triggers.ndjson"])
def test_every_line_of_the_tables_gives_what_the_package_gave(name: str) -> None:
    finished = conformance(TABLES / name)

    assert finished.returncode == 0, finished.stdout
    count = finished.stdout.split(" agree")[0].split(" of ")
    assert count[0] == count[1]
    assert int(count[0]) > 700


def test_a_line_that_disagrees_is_named_with_both_results(tmp_path: Path) -> None:
    table = tmp_path / "table.ndjson"
    table.write_text('{"id": "x1", "trigger": "type = \\"page\\"", "message": {"type": "track"}, "expect": true}\n')

    finished = conformance(table)

    assert finished.returncode == 1
    assert finished.stdout.splitlines()[0] == "0 of 1 agree"
    assert 'x1: "type = \\"page\\"": expected {"expect": true}, got {"expect": false}' in finished.stdout


def test_the_documented_reading_counts_where_a_line_holds_it(tmp_path: Path) -> None:
    table = tmp_path / "table.ndjson"
    line = '{"trigger": "type = \'track\'", "message": {"type": "track"}, "expect": false, "documented": %s}\n'
    table.write_text(line % "true" + line % "false")

    assert conformance(table).stdout.startswith("1 of 2 agree")
