"""Who is who, for one cycle: ids to e-mail, groups to domain. Independent of the order in which links are learnt.
docs/contributing/identity.md has a picture.

Our decisions:
- An anonymous id that came with a user id *points* to the user; only an identify without user id gives it an e-mail
  of its own. So a user never gets the e-mail of another person who used the same device.
- `alias` makes the ids point to each other, and an identify without e-mail makes user and device do so. Such pointers
  have strength 0: they fill gaps and never displace an e-mail. One link is kept per id, so of several pointers one
  stays, and an e-mail ends it. What it led to is not lost: the e-mail of the one id is *inherited* by the other, and by
  those that it points to, under a key of its own (`i:<userId>`), which counts where nothing better is known.
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
    """The e-mail that ids lead to, how it was learnt, and the keys (`u:…`, `a:…`, `i:…`) looked at on the way."""

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
    found = []
    for link in links:
        if is_pointer(link.target):
            found += [(link.space, key) for key in next_keys(link.key, link.target)]
            if link.key[0] == "u":
                found.append((link.space, inherited_key(link.key)))
    return found


def inherited_key(user: str) -> str:
    """Where the e-mail stands that a user (`u:…`) has from another id of theirs."""
    return f"i:{user[2:]}"


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
            if old is not None or link[2][0] == "@":
                self._bequeath_by(link, old)

    def learn(self, link: Link) -> bool:
        """True when the link replaces what was known: of two, the greater (strength, at_ms, target) stays."""
        where = (link[0], link[1])
        old = self._links.get(where)
        is_greater = old is None or (link[3], link[4], link[2]) > (old[3], old[4], old[2])
        if is_greater:
            self._links[where] = self._new[where] = link
        if link[2][0] == "@" or (old is not None and old[2][0] == "@"):
            self._bequeath_by(link, old)
        return is_greater

    def _bequeath_by(self, link: Link, old: Link | None) -> None:
        """What a link brings to others: a pointer its id's e-mail; an e-mail follows the pointer that it ends.

        A device has nothing to give but an e-mail of its own.
        """
        pointer = link if link[2][0] == "@" else old
        if pointer is not None and pointer[2][0] == "@":
            if link[1][0] == "a" and self._links[link[0], link[1]][2][0] == "@":
                return
            self._bequeath(pointer)

    def _bequeath(self, pointer: Link) -> None:
        """The user that an id points to inherits its e-mail, and so do those that this user points to.

        Along a pointer that an e-mail came with, only that same e-mail: a device may be another person's by now.
        """
        space, key, target, said, _ = pointer
        while target[:3] == "@u:":
            user = target[1:]
            own = self._links.get((space, user))
            email, strength, at_ms = self._email_to_bequeath(space, key)
            if email is None or (said != 0 and (own is None or own[2] != email)):
                return
            heir = (space, inherited_key(user))
            old = self._links.get(heir)
            if old is not None and (strength, at_ms, email) <= (old[3], old[4], old[2]):
                return
            self._links[heir] = self._new[heir] = Link(*heir, email, strength, at_ms)
            if own is None:
                return
            key, target, said = user, own[2], own[3]

    def _email_to_bequeath(self, space: str, key: str) -> tuple[str | None, int, int]:
        """The e-mail that an id was given or has inherited; a userId that is an e-mail is its own."""
        link = self._links.get((space, key))
        if link is not None and not is_pointer(link.target):
            return link.target, link.strength, link.at_ms
        if key[0] == "u":
            itself = clean_email(key[2:]) if "@" in key else None
            if itself is not None:
                return itself, 1, 0
            link = self._links.get((space, inherited_key(key)))
            if link is not None:
                return link.target, link.strength, link.at_ms
        return None, 0, 0

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
        if 0 < strength < IDENTIFIED:
            inherited = inherited_key(user)
            keys.append(inherited)
            if self._own_email(space, inherited)[0] == email:
                strength = max(strength, self._links[space, inherited][3])
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
        if key[0] == "u":
            keys.append(inherited_key(key))
            return self._own_email(space, inherited_key(key))
        return None, 0

    def domain_of_group(self, space: str, group_id: str | None) -> str | None:
        """The company domain that an earlier group call gave this groupId."""
        if not names_someone(group_id):
            return None
        link = self._links.get((space, f"g:{group_id}"))
        return link.target if link is not None else None
