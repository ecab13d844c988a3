"""The shapes of exports in which each row is a person or a company, recognised by their columns. Pure.

The time of a row is the time of its last change if the export has it, otherwise the time of its creation; such a row
never wins over a newer value. docs/how-to/import-formats.md names the source of each shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hubwire.backfill.records import Call
from hubwire.backfill.systems.cells import compressed
from hubwire.backfill.systems.people import PERSON, identified
from hubwire.backfill.systems.shapes import Message, Shape


@dataclass(frozen=True, slots=True)
class Known:
    """An export and its columns: it has all of `needs`, one of `any_of` (if given), and none of `unless`."""

    shape: Shape
    needs: frozenset[str]
    any_of: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()

    def fits(self, columns: set[str]) -> bool:
        """Whether these compressed columns belong to this export."""
        return self.needs <= columns and (not self.any_of or bool(self.any_of & columns)) and not self.unless & columns


def people_shape(
    title: str,
    fields: Mapping[str, str],
    left_out: Mapping[str, str],
    prefixes: Mapping[str, str] | None = None,
    notes: tuple[str, ...] = (),
    passed_over: Callable[[Mapping[str, Any]], str | None] | None = None,
    finish: Callable[[Message], None] = identified,
) -> Shape:
    """The shape of an export of people: its own columns, then those that all such tables share."""
    shared = {key: target for key, target in PERSON.items() if key not in fields and key not in left_out}
    return Shape(
        title,
        Call.IDENTIFIES,
        {**fields, **shared},
        left_out,
        prefixes or {},
        notes=notes,
        passed_over=passed_over,
        finish=finish,
    )


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def all_of(text: str, why: str) -> dict[str, str]:
    """One reason for each word of a text."""
    return dict.fromkeys(text.split(), why)


def deleted(row: Mapping[str, Any]) -> str | None:
    """The reason to skip a row that its system has deleted."""
    for name, value in row.items():
        if compressed(name) in ("isdeleted", "deleted", "suppressed") and str(value).lower() in ("true", "1"):
            return "deleted there"
    return None
