"""Finds the inputs that spoil a batch, with few calls. Pure.

If a batch was refused and one part of it is accepted, the poison is in the other part, which is therefore halved
without a try as a whole. Untested parts are joined and tried together at the end. One poison input among 100 costs at
most 9 more calls than a clean batch; sending both halves each time would cost 14. If the joined parts are refused too,
there is much poison, and from then on every part is tried separately.
"""

from __future__ import annotations

from collections.abc import Sequence


class Bisection:
    """Selects the inputs of a refused batch to send next.

    Use: `while part := bisection.next(): … bisection.report(poisoned)`, where `part` holds input indexes in order and
    `poisoned` says that HubSpot refused the part (a part with one input then has its verdict). At the end, every input
    was in an accepted part, or was refused alone.
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
        """Report whether the part from `next` was refused."""
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
