"""The page on the rule languages is true: its table of readings, its errors, its directives, its count."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from hubwire.plan.rules import TriggerRefused, compile_trigger
from hubwire.plan.rules.checks import check_rules
from hubwire.plan.rules.faults import DIRECTIVES
from hubwire.plan.rules.triggers.readings import difference
from hubwire.rule import Association, Each, Rule

ROOT = Path(__file__).parents[2]
RULES = (ROOT / "docs/concepts/rules.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs/reference/rule-languages.md").read_text(encoding="utf-8")
TABLES = (ROOT / "tests/conformance").glob("*.ndjson")
ROWS = [
    row.strip("|").split(" | ")
    for row in PAGE.split("### Where the two readings differ")[1].split("\n\n")[1].splitlines()[2:]
]
CODE = re.compile("`([^`]+)`")


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_row_of_the_table_of_readings_is_so(row: list[str]) -> None:
    form = CODE.match(row[3].strip())
    for written in CODE.findall(row[0]):
        written = {"a or b and c": 'type = "page" or userId = "b" and userId = "c"'}.get(written, written)
        written = {"((a and b) or c)": '((type = "page" and userId = "b") or userId = "c")'}.get(written, written)
        written = written.replace("a and (contains", 'type = "page" and (contains').replace("or b)", 'or userId = "b")')
        if row[1].strip() == "an error":
            with pytest.raises(TriggerRefused):
                difference(written)
            continue
        if written.startswith("event != null"):
            written = f'type = "track" and {written}'
        if written == "properties.a\\.b":
            written = "properties.a\\.b = 1"
        found = difference(written)
        assert found is not None
        if form is None or " a " in f" {form[1]} " or "(a and b)" in form[1]:
            continue
        assert form[1] in (found.form, found.package_form)
        assert difference(form[1]) is None


def test_the_errors_on_the_page_are_those_of_the_parser() -> None:
    for trigger in ('type = "track" AND event = "x"', 'userid = "1"'):
        with pytest.raises(TriggerRefused) as refused:
            compile_trigger(trigger)
        assert str(refused.value) in PAGE


def test_the_refusal_on_the_page_is_the_one_that_is_made() -> None:
    found = str(difference('type = "track" and (contains(event, "A") or userId = "u")'))

    shown = PAGE.split("Segment's trigger package reads this in another way.")[1].split("…")[0]
    assert " ".join(shown.split()) in found


def test_every_directive_is_on_the_page() -> None:
    assert set(re.findall(r"^\| `(@\w+)`", PAGE, re.MULTILINE)) == DIRECTIVES


def test_the_count_of_lines_is_that_of_the_tables() -> None:
    count = sum(len(path.read_text(encoding="utf-8").splitlines()) - 1 for path in TABLES)

    assert f"{count:,} mappings" in PAGE.replace("\n", " ")


def test_the_rules_of_the_page_on_rules_are_taken() -> None:
    tables = tomllib.loads(re.search(r"```toml\n(.*?)```", RULES, re.DOTALL)[1])  # type: ignore[index]
    rules = msgspec.convert(tables["destination"][0]["rule"], tuple[Rule, ...])

    check_rules(rules)

    assert [rule.name for rule in rules] == ["Plan", "Orders", "Seats", "Staff"]
    assert fields_of("The fields of a rule") == set(Rule.__struct_fields__)


def test_the_tables_of_lists_and_associations_are_whole() -> None:
    assert fields_of("Records for the elements of a list") == set(Each.__struct_fields__)
    assert fields_of("Associations") == set(Association.__struct_fields__)


def test_the_rule_of_orders_on_the_page_is_taken() -> None:
    tables = tomllib.loads(
        next(found for found in re.findall(r"```toml\n(.*?)```", RULES, re.DOTALL) if "each" in found)
    )

    check_rules(msgspec.convert(tables["destination"]["rule"], tuple[Rule, ...]))


def fields_of(section: str) -> set[str]:
    """The first column of the table of a section of the page on rules."""
    text = RULES.split(f"\n## {section}\n")[1].split("\n## ")[0]
    firsts = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text, re.MULTILINE)
    return {name for first in firsts for name in re.findall(r"`(\w+)`", first)}
