"""The knowledge about one identity: its links in both directions, and the records that HubSpot confirmed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from hubwire.backends.sql.database import Session
from hubwire.backends.sql.objects import associations_of
from hubwire.object_types import type_name
from hubwire.operation import RecordRef, record_key, space_of_person, unique_property
from hubwire.record.protocol import PUBLIC_TRUST, SERVER_TRUST, ConfirmedValue
from hubwire.record.statistics import ORIGINS, Identity, KnownLink, KnownRecord

MAX_LINKS = 500
MAX_ASSOCIATED = 100
ROUNDS = 3
"""The number of steps along links: an id, its e-mail, the other ids of that e-mail."""

ORIGIN = dict(zip((PUBLIC_TRUST, SERVER_TRUST), ORIGINS, strict=True))
_json = msgspec.json.Encoder().encode
_properties = msgspec.msgpack.Decoder(dict[str, ConfirmedValue]).decode


def read_identity(db: Session, identity: str, spaces: Iterable[str], key_names: Iterable[str] = ()) -> Identity:
    """All knowledge about an e-mail, userId, anonymousId, groupId, domain or other record, with a bounded number of
    links.

    Shape: `key_names` are the properties by which destinations know contacts and companies instead of e-mail and
    domain.
    """
    links: dict[tuple[str, str], KnownLink] = {}
    names = {identity, identity.lower()}
    names |= {f"{kind}:{name}" for kind in "uaig" for name in (identity,)}
    seen: set[str] = set()
    spaces = sorted(set(spaces))
    for _ in range(ROUNDS):
        fresh = names - seen
        seen |= fresh
        for link in _links(db, fresh, spaces):
            if len(links) < MAX_LINKS:
                links[link.space, link.key] = link
                names |= {link.key, link.target, link.target.removeprefix("@"), f"@{link.key}"}
        names |= {f"u:{name[2:]}" for name in names if name.startswith("i:")}
        names |= {f"i:{name[2:]}" for name in names if name.startswith("u:")}
        if names == seen:
            break
    ids = {name[2:] for name in names if name[:2] in ("u:", "g:")}
    names |= {record_key(name, value) for name in key_names for value in ids}
    return Identity(
        identity=identity,
        links=sorted(links.values(), key=lambda link: (link.space, link.key)),
        traits=_traits(db, names, spaces),
        records=[*_contacts(db, names), *_companies(db, names), *_other_records(db, identity)],
    )


def _links(db: Session, names: Iterable[str], spaces: Sequence[str]) -> list[KnownLink]:
    rows = db.execute(
        "SELECT space, link_key, target, strength, at_ms FROM link WHERE target IN (SELECT value FROM json_each(?1))"
        " UNION SELECT space, link_key, target, strength, at_ms FROM link"
        " WHERE space IN (SELECT value FROM json_each(?2)) AND link_key IN (SELECT value FROM json_each(?1)) LIMIT ?3",
        (_json(sorted(names)).decode(), _json(spaces).decode(), MAX_LINKS),
    )
    return [KnownLink(space=row[0], key=row[1], target=row[2], strength=row[3], at_ms=row[4]) for row in rows]


def _traits(db: Session, names: Iterable[str], spaces: Sequence[str]) -> list[KnownLink]:
    """The traits that rules remember of the person with these ids and e-mails."""
    people = [name if name[:2] in ("u:", "a:") else f"e:{name}" for name in names]
    of_people = sorted(space_of_person(space, person) for space in spaces for person in people)
    rows = db.execute(
        "SELECT space, link_key, target, strength, at_ms FROM link WHERE space IN (SELECT value FROM json_each(?))"
        " ORDER BY link_key, space LIMIT ?",
        (_json(of_people).decode(), MAX_LINKS),
    )
    return [KnownLink(space=row[0], key=row[1], target=row[2], strength=row[3], at_ms=row[4]) for row in rows]


def _contacts(db: Session, names: Iterable[str]) -> list[KnownRecord]:
    rows = db.execute(
        "SELECT destination_id, email, contact_id, confirmed_at_ms, properties FROM person"
        " WHERE destination_id IN (SELECT destination_id FROM lane) AND email IN (SELECT value FROM json_each(?))",
        (_json(sorted(names)).decode(),),
    ).fetchall()
    return [_record("contact", row, _associated(db, "domain", "email", row[0], row[1])) for row in rows]


def _companies(db: Session, names: Iterable[str]) -> list[KnownRecord]:
    rows = db.execute(
        "SELECT destination_id, domain, company_id, confirmed_at_ms, properties FROM company"
        " WHERE destination_id IN (SELECT destination_id FROM lane) AND domain IN (SELECT value FROM json_each(?))",
        (_json(sorted(names)).decode(),),
    ).fetchall()
    return [_record("company", row, _associated(db, "email", "domain", row[0], row[1])) for row in rows]


def _other_records(db: Session, name: str) -> list[KnownRecord]:
    """The record of another type with this name: `order:shop_order_id:77`."""
    kind, _, key = name.partition(":")
    if unique_property(key) is None:
        return []
    kind = type_name(kind)
    rows = db.execute(
        "SELECT destination_id, record_key, record_id, confirmed_at_ms, properties FROM object_record"
        " WHERE destination_id IN (SELECT destination_id FROM lane) AND object_type = ? AND record_key = ?",
        (kind, key),
    ).fetchall()
    found = []
    for row in rows:
        ends = {
            end
            for known in associations_of(db, row[0], [RecordRef(kind, key)])
            for end in (known.source, known.target)
            if not known.is_away and end != RecordRef(kind, key)
        }
        words = [end.key if end.object in ("contact", "company") else ":".join(end) for end in ends]
        found.append(_record(kind, row, tuple(sorted(words)[:MAX_ASSOCIATED])))
    return found


def _associated(db: Session, other: str, column: str, destination_id: int, key: str) -> tuple[str, ...]:
    rows = db.execute(
        f"SELECT {other} FROM association WHERE destination_id = ? AND {column} = ? LIMIT ?",
        (destination_id, key, MAX_ASSOCIATED),
    )
    return tuple(name for (name,) in rows)


def _record(kind: str, row: tuple[int, str, str | None, int, bytes], associated: tuple[str, ...]) -> KnownRecord:
    values = _properties(row[4])
    if kind not in ("contact", "company"):
        # What Hubwire notes beside the values begins with @, such as that a line item was removed.
        values = {name: confirmed for name, confirmed in values.items() if name[:1] != "@"}
    return KnownRecord(
        destination_id=row[0],
        kind=kind,
        key=row[1],
        record_id=row[2],
        confirmed_at_ms=row[3],
        # The value may begin with the mark of an unconfirmed write, which is not part of it.
        properties={name: (confirmed.value.removeprefix("\0"), confirmed.at_ms) for name, confirmed in values.items()},
        origins={name: ORIGIN[confirmed.trust] for name, confirmed in values.items() if confirmed.trust in ORIGIN},
        associated=associated,
    )
