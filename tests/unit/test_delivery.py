"""The table of moves is the state machine: code looks moves up in it, and the databases' checks agree with it."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

import hubwire
from hubwire.delivery import FINAL, MOVES, IllegalMove, Move, State, moved, taken_on
from hubwire.errors import HubwireError

BACKENDS = Path(hubwire.__file__).parent / "backends"
STATE_WORDS = re.compile(rf"'({'|'.join(state.stored for state in State)})'")


@pytest.mark.parametrize(("state", "move"), sorted(set(product(State, Move)) - set(MOVES)))
def test_a_move_that_the_table_does_not_have_is_illegal(state: State, move: Move) -> None:
    with pytest.raises(IllegalMove, match=f"a delivery that is {state} cannot {move}") as raised:
        moved(state, move)
    assert isinstance(raised.value, HubwireError)
    assert raised.value.code == "illegal-move"


def test_every_state_is_left_by_some_move_and_final_ones_by_a_person_only() -> None:
    assert {state for state, _ in MOVES} == set(State)
    assert {move for state, move in MOVES if state in FINAL} == {Move.REPLAY, Move.DISCARD}


def test_what_may_become_due_is_leased_or_released_and_then_leased() -> None:
    assert taken_on() == (State.PENDING, State.RETRYING, State.HELD)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_checks_of_the_database_are_those_of_the_table(kind: str) -> None:
    sql = (BACKENDS / kind / "sql" / "0002_record.sql").read_text(encoding="utf-8")
    table = sql.partition("CREATE TABLE delivery")[2].partition(";")[0]
    states, due, no_reason = (set(STATE_WORDS.findall(check)) for check in re.findall(r"state IN \(([^)]*)\)", table))
    assert states == {state.stored for state in State}
    assert {State(word) for word in states} == set(State)
    assert due == set(taken_on()), "a row has a due time while a cycle may take it on"
    assert no_reason == {state.stored for state in (State.PENDING, State.LEASED, State.DELIVERED)}


def test_no_statement_spells_a_state_out() -> None:
    spelled = {
        f"{path.relative_to(BACKENDS)}: {line.strip()}"
        for path in BACKENDS.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if STATE_WORDS.search(line) and "regulation" not in path.name
    }
    assert spelled == set()
