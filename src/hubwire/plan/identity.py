"""Who is who, for one cycle: ids to e-mail, groups to domain. Independent of the order in which links are learnt.

Our decisions:
- An anonymous id that came with a user id *points* to the user; only an identify without user id gives it an e-mail
  of its own. So a user never gets the e-mail of another person who used the same device.
- `alias` makes the ids point to each other, and an identify without e-mail makes user and device do so. Such pointers
  have strength 0: they fill gaps and never displace an e-mail. One link is kept per id: of two aliases of one user the
  newer counts, and an e-mail ends the pointer.
- An e-mail as userId stands for itself unless an identify said otherwise.
- Ids that name nobody (`null`, `undefined`, `anonymous`…) are neither remembered nor looked up: they would join
  strangers into one contact.
Source: Segment spec, "Identify" and "Alias"; analytics.js gives a new anonymousId when the userId changes, mobile and
server libraries do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hubwire.operation import Link
from hubwire.plan.emails import clean_email

MAX_DEPTH = 5
IDENTIFIED = 3
"""Strength of what an identify call said."""

_NOBODY = frozenset({
    "0", "-1", "null", "none", "nil", "nan", "undefined", "unknown", "false", "true", "not set", "n/a", "na",
    "anonymous", "anonymoususer", "guest", "guest_user", "guest user", "not_authenticated", "id", "userid", "user_id",
    "distinct_id", "distinctid", "anonymousid", "anonymous_id", "email", "[object object]", "(null)", "(none)",
    "00000000-0000-0000-0000-000000000000",
})  # fmt: skip
"""Words that broken code sends as an id."""


class Resolution(NamedTuple):
    """The e-mail that ids lead to, how it was learnt, and the keys (`u:…`, `a:…`) looked at on the way."""

    email: str | None
    strength: int
    keys: tuple[str, ...]


def names_someone(an_id: str | None) -> bool:
    """Whether an id can be a person's: present, and none of the words that broken code sends for "no id"."""
    return an_id is not None and not an_id.isspace() and an_id.lower() not in _NOBODY


def next_keys(key: str, target: str) -> tuple[str, ...]:
    """Where a pointer leads. An alias's previous id may be a user's or an anonymous one: both are looked at."""
    target = target[1:]
    return (target, f"a:{target[2:]}") if key[0] == "u" and target[0] == "u" else (target,)


def pointer_targets(links: Iterable[Link]) -> list[tuple[str, str]]:
    """(space, key) pairs that pointers among the links lead to: load these from the record too, then theirs."""
    return [(x.space, key) for x in links if is_pointer(x.target) for key in next_keys(x.key, x.target)]


def is_pointer(target: str) -> bool:
    """Whether a link's target is another key. An e-mail never begins with `@`."""
    return target[:1] == "@" and target[2:3] == ":"


class Identity:
    """What is known of ids in one cycle: links from the record, and those learnt from the cycle's messages."""

    __slots__ = ("_links", "_new")

    def __init__(self, known: Mapping[tuple[str, str], Link] | None = None) -> None:
        self._links: dict[tuple[str, str], Link] = dict(known or {})
        self._new: dict[tuple[str, str], Link] = {}

    def know(self, known: Mapping[tuple[str, str], Link]) -> None:
        """Add links that the record has; what was learnt meanwhile stays where it is greater."""
        for where, link in known.items():
            old = self._links.get(where)
            if old is None or (old[3], old[4], old[2]) <= (link[3], link[4], link[2]):
                self._links[where] = link
                self._new.pop(where, None)

    def learn(self, link: Link) -> bool:
        """True when the link replaces what was known: of two, the greater (strength, at_ms, target) stays."""
        where = (link[0], link[1])
        old = self._links.get(where)
        if old is not None and (link[3], link[4], link[2]) <= (old[3], old[4], old[2]):
            return False
        self._links[where] = self._new[where] = link
        return True

    @property
    def changed(self) -> list[Link]:
        """The links that differ from what the record knew: to be recorded with the cycle."""
        return list(self._new.values())

    def resolve(self, space: str, user_id: str | None, anonymous_id: str | None) -> Resolution:
        """The person's e-mail: by userId, else by an anonymousId that is not another user's.

        Shape: strength is that of the call that gave the e-mail (3 identify … 1), 0 when nothing is known.
        """
        user = f"u:{user_id}" if names_someone(user_id) else None
        device = f"a:{anonymous_id}" if names_someone(anonymous_id) else None
        if user is None:
            keys: list[str] = []
            email, strength = self._email(space, device, keys, MAX_DEPTH) if device else (None, 0)
            return Resolution(email, strength, tuple(keys))
        link = self._links.get((space, user))
        if link is not None and link[3] == IDENTIFIED and link[2][0] != "@":
            return Resolution(link[2], IDENTIFIED, (user,))
        keys = []
        email, strength = self._email(space, user, keys, MAX_DEPTH)
        if device is None:
            return Resolution(email, strength, tuple(keys))
        if device not in keys:
            keys.append(device)
        own, own_strength = self._own_email(space, device)
        if own is not None and (email is None or own == email):
            return Resolution(own, max(strength, own_strength), tuple(keys))
        return Resolution(email, strength, tuple(keys))

    def _own_email(self, space: str, key: str) -> tuple[str | None, int]:
        """The e-mail that the key itself was given; a pointer to someone else is none."""
        link = self._links.get((space, key))
        return (link.target, link.strength) if link is not None and not is_pointer(link.target) else (None, 0)

    def _email(self, space: str, key: str, keys: list[str], depth: int) -> tuple[str | None, int]:
        """The e-mail that a key leads to; `keys` collects what was looked at, and so ends circles."""
        keys.append(key)
        link = self._links.get((space, key))
        if link is not None and not is_pointer(link.target):
            return link.target, link.strength
        if key[0] == "u" and "@" in key:
            email = clean_email(key[2:])
            if email is not None:
                return email, 1
        if link is None or depth == 0:
            return None, 0
        for target in next_keys(key, link.target):
            if target in keys:
                continue
            if key[0] == "u" and target[0] == "a":
                keys.append(target)
                email, strength = self._own_email(space, target)
            else:
                email, strength = self._email(space, target, keys, depth - 1)
            if email is not None:
                return email, strength
        return None, 0

    def domain_of_group(self, space: str, group_id: str | None) -> str | None:
        """The company domain that an earlier group call gave this groupId."""
        if not names_someone(group_id):
            return None
        link = self._links.get((space, f"g:{group_id}"))
        return link.target if link is not None else None
