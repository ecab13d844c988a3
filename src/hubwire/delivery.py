"""The fate of one message at one destination: its states, the legal moves between them, and the verdicts on an answer.

`MOVES` is the state machine. Wherever code sets a state it looks the move up here, and SQL gets states as parameters.
An illegal move raises `IllegalMove` and changes nothing. Tests hold the databases' `CHECK`s and the documentation's
diagram to this table (`tests/unit/test_delivery.py`, `tests/docs/test_states_page.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hubwire.errors import HubwireError
from hubwire.reasons import Reason


class State(StrEnum):
    """The state of a delivery, by the word that people, the API and the documentation use."""

    PENDING = "pending"
    LEASED = "delivering"
    """A delivery cycle works on the message now."""
    DELIVERED = "delivered"
    RETRYING = "retrying"
    DISCARDED = "discarded"
    HELD = "held"
    DEAD = "dead"

    @property
    def stored(self) -> str:
        """The word in the databases, where `leased` has been the word for delivering since the first schema."""
        return "leased" if self is State.LEASED else self.value

    @classmethod
    def _missing_(cls, value: object) -> State | None:
        return cls.LEASED if value == "leased" else None


class Move(StrEnum):
    LEASE = "lease"
    SUCCEED = "succeed"
    RETRY = "retry"
    DISCARD = "discard"
    HOLD = "hold"
    GIVE_UP = "give up"
    RELEASE = "release"
    EXPIRE = "expire"
    REPLAY = "replay"


MOVES: dict[tuple[State, Move], State] = {
    (State.PENDING, Move.LEASE): State.LEASED,
    (State.RETRYING, Move.LEASE): State.LEASED,
    (State.LEASED, Move.SUCCEED): State.DELIVERED,
    (State.LEASED, Move.RETRY): State.RETRYING,
    (State.LEASED, Move.DISCARD): State.DISCARDED,
    (State.LEASED, Move.HOLD): State.HELD,
    (State.LEASED, Move.GIVE_UP): State.DEAD,
    (State.LEASED, Move.EXPIRE): State.PENDING,
    (State.LEASED, Move.RELEASE): State.PENDING,
    (State.HELD, Move.RELEASE): State.PENDING,
    (State.DEAD, Move.REPLAY): State.PENDING,
    (State.DELIVERED, Move.REPLAY): State.PENDING,
    (State.DISCARDED, Move.REPLAY): State.PENDING,
    (State.DEAD, Move.DISCARD): State.DISCARDED,
    (State.HELD, Move.DISCARD): State.DISCARDED,
}

FINAL = frozenset({State.DELIVERED, State.DISCARDED, State.DEAD})
"""States that are final until a person acts."""

OPEN = (State.PENDING, State.LEASED, State.RETRYING, State.HELD)
"""States that are not final, because the message may still be delivered."""

REPLAYABLE = (State.DEAD, State.HELD, State.DISCARDED, State.DELIVERED)
"""States that a person may replay, with the move `replay`, or `release` for a held delivery."""

DISCARDABLE = (State.DEAD, State.HELD)
"""States that a person may discard."""

SETTLED = FINAL | {State.HELD}
"""States with nothing more to do for now; `status --wait-drained` waits for them."""


class IllegalMove(HubwireError):
    """A move that the table does not have. It changed nothing."""

    code = "illegal-move"


def moved(state: State, move: Move) -> State:
    """The state after a move. Raises IllegalMove when the table has no such move."""
    try:
        return MOVES[state, move]
    except KeyError:
        raise IllegalMove(f"a delivery that is {state} cannot {move}") from None


def taken_on() -> tuple[State, ...]:
    """The states in which a delivery may become due and be leased. A hold that ends is released first."""
    released = tuple(state for state, move in MOVES if move is Move.RELEASE and state is not State.LEASED)
    leased = tuple(state for state, move in MOVES if move is Move.LEASE)
    return (*leased, *(state for state in released if moved(state, Move.RELEASE) in leased))


@dataclass(frozen=True, slots=True)
class Delivered:
    """HubSpot has the message: it returned the record (`record_id`), or the call's contract guarantees it (events:
    204)."""

    record_id: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after this many seconds. With `counts` False, the message is not at fault and uses up no attempt."""

    after_seconds: float
    reason: Reason
    detail: str = ""
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Dead:
    """HubSpot will never accept the message in this form; `detail` has HubSpot's words."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StopTheLine:
    """The messages are not at fault: the lane stops until a person or `retry_after_seconds` resumes it."""

    reason: Reason
    detail: str = ""
    retry_after_seconds: float | None = None


Verdict = Delivered | Retry | Dead | StopTheLine
