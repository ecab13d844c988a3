"""Identity in one cycle: ids to e-mail, groups to domain. The order of learning links does not matter.
docs/contributing/identity.md has a picture.

Our decisions:
- An anonymous id that arrived with a user id *points* to the user; only an identify without user id gives it its own
  e-mail. A user therefore never gets the e-mail of another person who used the same device.
- `alias` makes the ids point to each other, and an identify without e-mail does so for user and device. Such pointers
  have strength 0: they fill gaps and never displace an e-mail. Each id has one link, so one of several pointers stays,
  and an e-mail replaces it. The old target is not lost: the other id, and the ids that it points to, *inherit* the
  e-mail under a separate key (`i:<userId>`), which counts if nothing better is known.
- An e-mail as userId is its own e-mail unless an identify gives another one.
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

MAX_STEPS = 100
"""The longest row of pointers that is followed. Each step costs a cycle one look-up for all its messages together, and
a held message a few keys, so a row that a stranger makes stays cheap."""
TOLD = 2
"""The strength of a link from `context.traits`."""
IDENTIFIED = 3
"""The strength of a link from an identify call."""

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
    """True if an id can belong to a person: it is present, and not a word that broken code sends for "no id"."""
    return an_id is not None and not an_id.isspace() and an_id.lower() not in _NOBODY


def next_keys(key: str, target: str) -> tuple[str, ...]:
    """The targets of a pointer. An alias's previous id can be a user id or an anonymous id, so both are checked."""
    target = target[1:]
    return (target, f"a:{target[2:]}") if key[0] == "u" and target[0] == "u" else (target,)


def pointer_targets(links: Iterable[Link]) -> list[tuple[str, str]]:
    """(space, key) pairs that pointers among the links lead to: load these from the record too, then theirs."""
    pointers = []
    for link in links:
        if is_pointer(link.target):
            pointers += [(link.space, key) for key in next_keys(link.key, link.target)]
            if link.key[0] == "u":
                pointers.append((link.space, inherited_key(link.key)))
    return pointers


def inherited_key(user: str) -> str:
    """The key for the e-mail that a user (`u:…`) inherits from another id."""
    return f"i:{user[2:]}"


def is_pointer(target: str) -> bool:
    """True if a link's target is another key. An e-mail never begins with `@`."""
    return target[:1] == "@" and target[2:3] == ":"


class Identity:
    """The links of one cycle: those of the record, and those learnt from the cycle's messages."""

    __slots__ = ("_links", "_new")

    def __init__(self, known: Mapping[tuple[str, str], Link] | None = None) -> None:
        self._links: dict[tuple[str, str], Link] = dict(known or {})
        self._new: dict[tuple[str, str], Link] = {}

    def know(self, known: Mapping[tuple[str, str], Link]) -> None:
        """Add links of the record. A greater link that this cycle learnt stays."""
        for where, link in known.items():
            old = self._links.get(where)
            if old is None or old.rank <= link.rank:
                self._links[where] = link
                self._new.pop(where, None)
            if old is not None or is_pointer(link.target):
                self._bequeath_by(link, old)

    def learn(self, link: Link) -> bool:
        """True if the link replaces the known one. The link with the greater rank stays."""
        where = (link.space, link.key)
        old = self._links.get(where)
        is_greater = old is None or link.rank > old.rank
        if is_greater:
            self._links[where] = self._new[where] = link
        if is_pointer(link.target) or (old is not None and is_pointer(old.target)):
            self._bequeath_by(link, old)
        return is_greater

    def _bequeath_by(self, link: Link, old: Link | None) -> None:
        """Pass on e-mails along a link: a pointer passes its id's e-mail; an e-mail follows the pointer that it
        replaces.

        A device passes on only its own e-mail.
        """
        pointer = link if is_pointer(link.target) else old
        if pointer is not None and is_pointer(pointer.target):
            if link.key[0] == "a" and is_pointer(self._links[link.space, link.key].target):
                return
            self._bequeath(pointer)

    def _bequeath(self, pointer: Link) -> None:
        """Let the user that an id points to inherit its e-mail, and also the users that this user points to.

        A pointer that arrived with an e-mail passes on only that e-mail, because the device may have a new owner.
        """
        space, key, target, pointer_strength, _ = pointer
        while target[:3] == "@u:":
            user = target[1:]
            own = self._links.get((space, user))
            email, strength, at_ms = self._email_to_bequeath(space, key)
            if email is None or (pointer_strength != 0 and (own is None or own.target != email)):
                return
            heir = (space, inherited_key(user))
            old = self._links.get(heir)
            if old is not None and (strength, at_ms, email) <= old.rank:
                return
            self._links[heir] = self._new[heir] = Link(*heir, email, strength, at_ms)
            if own is None:
                return
            key, target, pointer_strength = user, own.target, own.strength

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

    def link(self, where: tuple[str, str]) -> Link | None:
        """The link of a (space, key) pair."""
        return self._links.get(where)

    @property
    def changed(self) -> list[Link]:
        """The links that differ from the record's, to be written with the cycle."""
        return list(self._new.values())

    def resolve(self, space: str, user_id: str | None, anonymous_id: str | None) -> Resolution:
        """The person's e-mail: by userId, else by an anonymousId that is not another user's.

        Shape: strength is that of the call that gave the e-mail (3 identify … 1), 0 when nothing is known.
        """
        user = f"u:{user_id}" if names_someone(user_id) else None
        device = f"a:{anonymous_id}" if names_someone(anonymous_id) else None
        if user is None:
            keys: list[str] = []
            email, strength = self._email(space, device, keys, MAX_STEPS) if device else (None, 0)
            return Resolution(email, strength, tuple(keys))
        link = self._links.get((space, user))
        if link is not None and link.strength == IDENTIFIED and not is_pointer(link.target):
            return Resolution(link.target, IDENTIFIED, (user,))
        keys = []
        email, strength = self._email(space, user, keys, MAX_STEPS)
        if 0 < strength < IDENTIFIED:
            inherited = inherited_key(user)
            if inherited not in keys:
                keys.append(inherited)
            if self._own_email(space, inherited)[0] == email:
                strength = max(strength, self._links[space, inherited].strength)
        if device is None:
            return Resolution(email, strength, tuple(keys))
        if device not in keys:
            keys.append(device)
        own, pointer_strength = self._own_email(space, device)
        if own is not None and (email is None or own == email):
            return Resolution(own, max(strength, pointer_strength), tuple(keys))
        return Resolution(email, strength, tuple(keys))

    def _own_email(self, space: str, key: str) -> tuple[str | None, int]:
        """The e-mail that was given for the key itself; None for a pointer to another key."""
        link = self._links.get((space, key))
        return (link.target, link.strength) if link is not None and not is_pointer(link.target) else (None, 0)

    def _email(self, space: str, key: str, keys: list[str], depth: int) -> tuple[str | None, int]:
        """The e-mail that a key leads to. `keys` collects the visited keys, which ends circles."""
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
