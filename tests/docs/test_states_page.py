"""The states page agrees with the table that the code runs on."""

from __future__ import annotations

import re

from tests.docs.pages import DOCS, blocks, section

from hubwire.delivery import FINAL, MOVES, Move, State

TEXT = (DOCS / "concepts" / "states.md").read_text(encoding="utf-8")
Moves = dict[tuple[State, Move], State]


def rows(part: str) -> list[list[str]]:
    """The cells of the tables of a part, without their heads."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"]
    return [row for row, above in zip(cells[1:], cells, strict=False) if set(row[0]) != {"-"} and row is not above]


def test_the_diagram_has_every_move_and_no_other() -> None:
    drawn: Moves = {}
    final = set()
    for line in blocks(TEXT)[0].text.splitlines():
        words = re.split(r"\s*--([a-z ]+)-->\s*", line.strip())
        states = [State(word.removesuffix("*").strip()) for word in words[0::2]]
        final |= {State(word.removesuffix(" *")) for word in words[0::2] if word.endswith("*")}
        for before, move, after in zip(states, words[1::2], states[1:], strict=False):
            drawn[before, Move(move)] = after
    assert drawn == MOVES
    assert final == FINAL


def test_the_table_of_moves_is_the_codes_table() -> None:
    told: Moves = {(State(row[0]), Move(row[1])): State(row[2]) for row in rows(section(TEXT, "The moves")) if row[1:2]}
    assert told == MOVES


def test_every_state_is_explained() -> None:
    explained = {row[0] for row in rows(TEXT.partition("## The moves")[0])}
    assert explained == {str(state) for state in State}
