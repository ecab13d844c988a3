"""Writes the results of a cycle: outcomes, attempts, memory, and finally the links with the holds that they release.

Two concurrent lanes could write a link and a hold that waits for it without seeing each other's row; the message would
then wait in vain. Links and holds are therefore written under one lock, immediately before the commit. The writer of a
hold searches for links that its cycle cannot know: those of transactions outside the snapshot at the beginning of the
cycle. No clock is involved. (A transaction with a future number belongs to the server from which this database was
restored, and ended long ago.)
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hubwire.backends.postgres.dialect import session
from hubwire.backends.postgres.pool import Db
from hubwire.backends.sql.lanes import close_cycle, write_attempts
from hubwire.backends.sql.marketing import write_marketing
from hubwire.backends.sql.objects import write_objects
from hubwire.delivery import IllegalMove, Move, State, moved
from hubwire.operation import Link, hold_key, record_hold_key
from hubwire.record.protocol import Company, CycleOutcome, Person, Settled

_pack = msgspec.msgpack.Encoder().encode


def write_outcome(db: Db, destination_id: int, outcome: CycleOutcome) -> int:
    """Write the results of a cycle in the current transaction, which has locked the lane's row; returns how many held
    deliveries its links and records released."""
    _write_fates(db, destination_id, outcome)
    _write_memory(db, destination_id, outcome)
    if outcome.has_objects:
        write_objects(session(db), destination_id, outcome)
    if outcome.has_marketing:
        write_marketing(session(db), destination_id, outcome)
    write_attempts(session(db), destination_id, outcome.cycle_id, outcome.attempts)
    close_cycle(session(db), destination_id, outcome)
    held = [settled for settled in outcome.settled if settled.state is State.HELD and settled.hold_keys]
    if not outcome.links and not held and not outcome.found:
        return 0
    db.execute("SELECT pg_advisory_xact_lock('hold'::regclass::oid::bigint)")
    released = _write_links(db, outcome.links, outcome.ended_at_ms)
    released += _write_holds(db, destination_id, held, outcome)
    if outcome.found:
        keys = [record_hold_key(destination_id, ref) for ref in outcome.found]
        released += _release_holds(db, outcome.ended_at_ms, keys)
    return released


def _write_fates(db: Db, destination_id: int, outcome: CycleOutcome) -> None:
    """Write the new states. Raises IllegalMove, and writes nothing, if an existing row was not leased by this cycle."""
    now_ms, cycle_id = outcome.ended_at_ms, outcome.cycle_id
    if outcome.settled:
        settled = list({row.position: row for row in outcome.settled}.values())
        written = db.execute(
            "INSERT INTO delivery (destination_id, position, state, reason, detail, left_out, attempts,"
            " first_attempt_at_ms, due_at_ms, cycle_id, updated_at_ms)"
            " SELECT %s, one.*, %s, %s FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::bytea[],"
            " %b::integer[], %b::bigint[], %b::bigint[]) AS one"
            " ON CONFLICT (destination_id, position) DO UPDATE SET state = excluded.state, reason = excluded.reason,"
            " detail = excluded.detail, left_out = excluded.left_out, attempts = excluded.attempts,"
            " due_at_ms = excluded.due_at_ms,"
            " first_attempt_at_ms = coalesce(delivery.first_attempt_at_ms, excluded.first_attempt_at_ms),"
            " cycle_id = excluded.cycle_id, updated_at_ms = excluded.updated_at_ms WHERE delivery.state = %s",
            (destination_id, cycle_id, now_ms, *_columns(settled), State.LEASED),
        ).rowcount
        if written < len(settled):
            raise IllegalMove(f"cycle {cycle_id}: {len(settled) - written} of its deliveries are not leased")
    if outcome.finished:
        db.execute(
            "DELETE FROM delivery WHERE destination_id = %s AND position = ANY (%b) AND state = %s AND NOT is_replay",
            (destination_id, outcome.finished, State.LEASED),
        )
        db.execute(
            "UPDATE delivery SET state = %s, reason = NULL, detail = '', left_out = NULL, due_at_ms = NULL,"
            " cycle_id = %s, updated_at_ms = %s WHERE destination_id = %s AND position = ANY (%b) AND state = %s",
            (
                moved(State.LEASED, Move.SUCCEED),
                cycle_id,
                now_ms,
                destination_id,
                outcome.finished,
                State.LEASED,
            ),
        )


def _columns(settled: Sequence[Settled]) -> tuple[list[object], ...]:
    return (
        [row.position for row in settled],
        [row.state.stored for row in settled],
        [None if row.reason is None else str(row.reason) for row in settled],
        [row.detail for row in settled],
        [row.left_out for row in settled],
        [row.attempts for row in settled],
        [row.first_attempt_at_ms for row in settled],
        [row.due_at_ms for row in settled],
    )


def _write_memory(db: Db, destination_id: int, outcome: CycleOutcome) -> None:
    _write_records(
        db, "person", "email", "contact_id", destination_id, {person.email: person for person in outcome.people}
    )
    _write_records(
        db,
        "company",
        "domain",
        "company_id",
        destination_id,
        {company.domain: company for company in outcome.companies},
    )
    if outcome.unlinked:
        db.execute(
            "DELETE FROM association WHERE destination_id = %s AND (email, domain) IN"
            " (SELECT * FROM unnest(%b::text[], %b::text[]))",
            (destination_id, [email for email, _ in outcome.unlinked], [domain for _, domain in outcome.unlinked]),
        )
    if outcome.associations:
        db.execute(
            "INSERT INTO association (destination_id, email, domain)"
            " SELECT %s, email, domain FROM unnest(%b::text[], %b::text[]) AS one (email, domain)"
            " ON CONFLICT DO NOTHING",
            (destination_id, [email for email, _ in outcome.associations], [name for _, name in outcome.associations]),
        )


def _write_records(
    db: Db,
    table: str,
    key: str,
    record_id: str,
    destination_id: int,
    records: dict[str, Person] | dict[str, Company],
) -> None:
    """The confirmed values of contacts or companies, by key."""
    if not records:
        return
    known = records.values()
    refused = ", refused_at_ms" if table == "person" else ""
    db.execute(
        f"INSERT INTO {table} (destination_id, {key}, {record_id}, confirmed_at_ms, properties, seen_at_ms{refused})"
        " SELECT %s, one.* FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::bytea[], %b::bigint[]"
        f"{', %b::bigint[]' if refused else ''}) AS one"
        f" ON CONFLICT (destination_id, {key}) DO UPDATE SET {record_id} = excluded.{record_id},"
        " confirmed_at_ms = excluded.confirmed_at_ms, properties = excluded.properties,"
        f" seen_at_ms = excluded.seen_at_ms{', refused_at_ms = excluded.refused_at_ms' if refused else ''}",
        (
            destination_id,
            list(records),
            [record.contact_id if isinstance(record, Person) else record.company_id for record in known],
            [record.confirmed_at_ms for record in known],
            [_pack(record.properties) for record in known],
            [record.seen_at_ms for record in known],
            *([[record.refused_at_ms for record in known if isinstance(record, Person)]] if refused else []),
        ),
    )


def _write_links(db: Db, links: Sequence[Link], now_ms: int) -> int:
    if not links:
        return 0
    greatest: dict[tuple[str, str], Link] = {}
    for link in links:
        known = greatest.get((link.space, link.key))
        if known is None or (link.strength, link.at_ms, link.target) > (known.strength, known.at_ms, known.target):
            greatest[link.space, link.key] = link
    db.execute(
        "INSERT INTO link (space, link_key, target, strength, at_ms)"
        " SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::smallint[], %b::bigint[])"
        " ON CONFLICT (space, link_key) DO UPDATE SET target = excluded.target, strength = excluded.strength,"
        " at_ms = excluded.at_ms, linked_in = excluded.linked_in"
        " WHERE (excluded.strength, excluded.at_ms, excluded.target) > (link.strength, link.at_ms, link.target)",
        tuple(list(column) for column in zip(*greatest.values(), strict=True)),
    )
    return _release_holds(db, now_ms, [hold_key(link.space, link.key) for link in links])


def _write_holds(db: Db, destination_id: int, held: Sequence[Settled], outcome: CycleOutcome) -> int:
    """Write holds, and release those whose key another lane linked during this cycle; returns how many."""
    if not held:
        return 0
    pairs = [(key, settled.position) for settled in held for key in settled.hold_keys]
    db.execute(
        "INSERT INTO hold (hold_key, destination_id, position)"
        " SELECT hold_key, %s, position FROM unnest(%b::text[], %b::bigint[]) AS one (hold_key, position)"
        " ON CONFLICT DO NOTHING",
        (destination_id, [key for key, _ in pairs], [position for _, position in pairs]),
    )
    keys = [key.partition("|") for key in {key for key, _ in pairs}]
    rows = db.execute(
        "SELECT space, link_key FROM unnest(%b::text[], %b::text[]) AS wanted (space, link_key)"
        " JOIN link USING (space, link_key) WHERE linked_in <> pg_current_xact_id()"
        " AND linked_in < pg_snapshot_xmax(pg_current_snapshot())"
        " AND NOT pg_visible_in_snapshot(linked_in, (SELECT begun_in FROM cycle WHERE cycle_id = %s))",
        ([space for space, _, _ in keys], [key for _, _, key in keys], outcome.cycle_id),
    ).fetchall()
    return _release_holds(db, outcome.ended_at_ms, [hold_key(space, key) for space, key in rows])


def _release_holds(db: Db, now_ms: int, keys: Sequence[str]) -> int:
    """Make the messages held for these keys pending, at every destination, due at once by any worker's clock; returns
    how many."""
    return db.execute(
        "WITH released AS (DELETE FROM hold WHERE (destination_id, position) IN"
        " (SELECT destination_id, position FROM hold WHERE hold_key = ANY (%b::text[]))"
        " RETURNING destination_id, position)"
        " UPDATE delivery SET state = %s, due_at_ms = 0, updated_at_ms = %s"
        " WHERE (destination_id, position) IN (SELECT destination_id, position FROM released) AND state = %s",
        (list(keys), moved(State.HELD, Move.RELEASE), now_ms, State.HELD),
    ).rowcount
