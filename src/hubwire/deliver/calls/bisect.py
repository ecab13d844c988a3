"""Finding the inputs that spoil a batch, with few calls. Pure.

A part that is taken while its whole was refused proves that the poison is in the other part, so that part is halved
without being tried whole; parts that nothing is known of are joined and tried together at the end. One poison input
among 100 costs at most 9 calls more than a clean batch; sending both halves each time would cost 14. When the joined
parts are refused too there is much poison, and from then on every part is tried by itself.
"""

from __future__ import annotations

from collections.abc import Sequence


class Bisection:
    """Which of a refused batch's inputs to send next.

    Use: `while part := bisection.next(): … bisection.report(poisoned)`, where `part` holds input indexes in order and
    `poisoned` says that HubSpot refused the part (a part of one then has its verdict, and is done). At the end every
    input was in a part that was taken, or was refused alone.
    """

    def __init__(self, count: int) -> None:
        self._poisoned: list[Sequence[int]] = [range(count)] if count else []
        self._unknown: list[Sequence[int]] = []
        self._trying: Sequence[int] = ()
        self._rest: Sequence[int] = ()
        self._is_joined = False
        self._joins = True

    def next(self) -> Sequence[int]:
        """The next part to send; empty when nothing is left."""
        self._rest, self._is_joined = (), False
        if self._poisoned:
            part = self._poisoned.pop()
            half = (len(part) + 1) // 2
            self._trying, self._rest = part[:half], part[half:]
        elif self._unknown and self._joins:
            self._trying = sorted(index for part in self._unknown for index in part)
            self._is_joined = len(self._unknown) > 1
            if not self._is_joined:
                self._unknown = []
        else:
            self._trying = self._unknown.pop() if self._unknown else ()
        return self._trying

    def report(self, poisoned: bool) -> None:
        """Whether the part that `next` gave was refused."""
        if self._is_joined:
            self._joins = not poisoned
            if not poisoned:
                self._unknown = []
        elif poisoned:
            if self._rest:
                self._unknown.append(self._rest)
            if len(self._trying) > 1:
                self._poisoned.append(self._trying)
        elif self._rest:
            self._poisoned.append(self._rest)
