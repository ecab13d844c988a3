"""The states page agrees with the table that the code runs on."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from tests.docs.pages import DOCS, section

from hubwire.delivery import FINAL, MOVES, Move, State

TEXT = (DOCS / "concepts" / "states.md").read_text(encoding="utf-8")
BY_WORD = {state.value: state for state in State}
Moves = dict[tuple[State, Move], State]


def rows(part: str) -> list[list[str]]:
    """The cells of the tables of a part, without their heads."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"]
    return [row for row, above in zip(cells[1:], cells, strict=False) if set(row[0]) != {"-"} and row is not above]


def test_the_picture_has_every_move_and_no_other() -> None:
    picture = ElementTree.parse(DOCS / "assets" / "states.svg").getroot()
    arrows = [arrow.attrib for arrow in picture.iter() if "data-move" in arrow.attrib]
    drawn = {(State(arrow["data-from"]), Move(arrow["data-move"])): State(arrow["data-to"]) for arrow in arrows}
    assert drawn == MOVES
    words = {"".join(text.itertext()) for text in picture.iter() if text.tag.endswith("text")}
    assert {state.value for state in State} <= words


def test_the_final_states_are_named() -> None:
    [named] = re.findall(r"final until a person acts: ([a-z, ]+)\.", TEXT)
    assert {BY_WORD[word] for word in named.split(", ")} == FINAL


def test_the_table_of_moves_is_the_codes_table() -> None:
    shown: Moves = {
        (BY_WORD[row[0]], Move(row[1])): BY_WORD[row[2]] for row in rows(section(TEXT, "The moves")) if row[1:2]
    }
    assert shown == MOVES


def test_every_state_is_explained() -> None:
    explained = {row[0] for row in rows(TEXT.partition("## The moves")[0])}
    assert explained == {state.value for state in State}
