"""Rows as earlier schemas had them: for every migration, what the tables that it made held in an installation at work.

Written out, not made by today's code: a database of then is what it was. Six messages of one source: of the person Ada
(1, 2, 5), of Bob (3, before anybody knew who that is, and 4), and one that was rejected (6). From the second schema on
the lane has passed the first three: one delivered, one dead, one held.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple

from hubwire.registry.vault import Vault
from hubwire.secret import Secret

HUB_ID = "1234567"
TOKEN = "pat-test-token"
WRITE_KEY = "wk_of_long_ago"
ADA, BOB = "ada@example.com", "bob@example.com"
FAR_MS = 86_400_000
IDS = tuple(f"old-{number}" for number in range(1, 7))
LAST = len(IDS)


class OldRow(NamedTuple):
    """One row that a migration's table held."""

    since: int
    table: str
    values: dict[str, Any]


def _track(user: str, order: str) -> dict[str, Any]:
    return {"type": "track", "event": "Order Completed", "userId": user, "properties": {"order": order}}


def bodies() -> list[dict[str, Any]]:
    """The messages as their senders wrote them."""
    return [
        {"type": "identify", "userId": "u1", "traits": {"email": ADA}},
        _track("u1", "two"),
        _track("u2", "three"),
        {"type": "identify", "userId": "u2", "traits": {"email": BOB}},
        _track("u1", "five"),
        {"type": "track", "event": "Nobody's"},
    ]


def rows(kind: str, now_ms: int, vault: Vault, hubspot_url: str) -> list[OldRow]:
    """Everything that a database of this kind (`sqlite`, `postgres`) held, in an order that may be inserted."""
    own = _sqlite_rows(now_ms) if kind == "sqlite" else _postgres_rows(now_ms)
    return [
        *_journal(now_ms),
        *own,
        *_record(kind, now_ms),
        *_registry(now_ms, vault, hubspot_url),
        *_later(now_ms, vault),
        *_marketing(now_ms),
        *_objects(now_ms),
    ]


def _journal(now_ms: int) -> list[OldRow]:
    return [
        OldRow(
            1,
            "journal",
            {
                "position": position,
                "source_id": 1,
                "is_backfill": False,
                "received_at_ms": now_ms - 60_000 + position,
                "rejected": "missing-ids" if position == LAST else None,
                "message_id": message_id,
                "envelope": b'{"sentAt":"2026-01-01T00:00:00Z"}' if position == 2 else None,
                "body": json.dumps({**body, "messageId": message_id}).encode(),
            },
        )
        for position, (message_id, body) in enumerate(zip(IDS, bodies(), strict=True), 1)
    ]


DIGEST_KEY = bytes(range(32))


def _sqlite_rows(now_ms: int) -> list[OldRow]:
    digests = b"".join(
        hashlib.blake2b(message_id.encode(), digest_size=8, key=DIGEST_KEY).digest() for message_id in IDS[:4]
    )
    block = {"first_position": 1, "last_position": 4, "newest_at_ms": now_ms - 60_000 + 4, "digests": digests}
    return [
        OldRow(1, "journal_key", {"digest_key": DIGEST_KEY}),
        OldRow(1, "journal_block", block),
    ]


def _postgres_rows(now_ms: int) -> list[OldRow]:
    seen = [
        {
            "half": 0,
            "digest": hashlib.blake2b(f"1|{message_id}".encode(), digest_size=16).hexdigest(),
            "at_ms": now_ms - 60_000 + position,
        }
        for position, message_id in enumerate(IDS, 1)
    ]
    return [
        *(OldRow(1, "journal_seen", message_id) for message_id in seen),
        OldRow(6, "worker", {"owner": "gone:1", "expires_at_ms": now_ms - 60_000}),
        OldRow(7, "move", {"origin": b"a file", "copied_through": 2, "state": "done"}),
        OldRow(7, "journal_mark", {"journal": "postgres"}),
    ]


def _record(kind: str, now_ms: int) -> list[OldRow]:
    def delivery(position: int, state: str, **values: Any) -> OldRow:
        common = {"destination_id": 1, "position": position, "state": state, "attempts": 1, "updated_at_ms": now_ms}
        return OldRow(2, "delivery", {**common, "cycle_id": 1, **values})

    lane = {
        "destination_id": 1,
        "live_cursor": 3,
        "taken_count": 13,
        "calls_count": 4,
        "lease_token": 7,
        "status": b'{"a":1}',
    }
    cycle = {
        "destination_id": 1,
        "live_after": 0,
        "live_through": 3,
        "backfill_after": 0,
        "backfill_through": 0,
        "begun_at_ms": now_ms - 50_000,
        "ended_at_ms": now_ms - 49_000,
        "taken_count": 3,
        "delivered_count": 1,
        "held_count": 1,
        "dead_count": 1,
        "calls_count": 4,
    }
    attempt = {
        "destination_id": 1,
        "cycle_id": 1,
        "call": "contacts.upsert",
        "started_at_ms": now_ms - 50_000,
        "duration_ms": 80,
        "status": 200,
        "outcome": "delivered",
        "request": b"x",
        "response": b"y",
        "positions": b"z",
    }
    person = {"destination_id": 1, "email": ADA, "contact_id": "1", "confirmed_at_ms": now_ms, "properties": b"\x80"}
    company = {"destination_id": 1, "domain": "old.example", "confirmed_at_ms": now_ms, "properties": b"\x80"}
    link = {"space": "server", "link_key": "u:u1", "target": ADA, "strength": 3, "at_ms": now_ms - 60_000}
    return [
        OldRow(2, "lane", lane),
        OldRow(2, "cycle", cycle),
        delivery(2, "dead", reason="hubspot-refused", detail="too bad", left_out=b"[]", first_attempt_at_ms=1),
        delivery(3, "held", reason="unknown-person", due_at_ms=now_ms + FAR_MS),
        OldRow(2, "archived", {"destination_id": 1, "state": "delivered", "message_count": 10}),
        OldRow(2, "hold", {"hold_key": "server|u:u2", "destination_id": 1, "position": 3}),
        OldRow(2, "attempt", attempt),
        OldRow(2, "person", person),
        OldRow(2, "company", company),
        OldRow(2, "association", {"destination_id": 1, "email": ADA, "domain": "old.example"}),
        OldRow(2, "link", {**link, "linked_at_ms": now_ms - 50_000} if kind == "sqlite" else link),
    ]


def _registry(now_ms: int, vault: Vault, hubspot_url: str) -> list[OldRow]:
    source = {"source_id": 1, "name": "server", "kind": "server", "identity_space": "server"}
    destination = {"destination_id": 1, "name": "hubspot", "hub_id": HUB_ID, "base_url": hubspot_url}
    body = {"created_at_ms": now_ms - FAR_MS}
    key = {"key_hash": vault.fingerprint(WRITE_KEY), "source_id": 1, "hint": WRITE_KEY[-4:], **body}
    token = vault.seal(Secret(TOKEN))
    return [
        OldRow(3, "source", {"name": "server", "settings": json.dumps(source).encode(), **body}),
        OldRow(3, "write_key", key),
        OldRow(
            3,
            "destination",
            {"name": "hubspot", "settings": json.dumps(destination).encode(), "sealed_token": token, **body},
        ),
        OldRow(3, "audit", {"at_ms": now_ms, "actor": "ada", "action": "source.added", "detail": "server"}),
    ]


def _later(now_ms: int, vault: Vault) -> list[OldRow]:
    replay = {
        "actor": "ada",
        "wanted": b'{"state":"dead"}',
        "state": "done",
        "begun_at_ms": 1,
        "ended_at_ms": 2,
        "target_count": 1,
        "fed_count": 1,
    }
    regulation = {
        "regulation_id": "r1",
        "type": "SUPPRESS_ONLY",
        "subject_type": "EMAIL",
        "subject_count": 1,
        "state": "FINISHED",
        "created_at_ms": 1,
        "finished_at_ms": 2,
    }
    suppression = {"digest": vault.digest("email", "gone@example.com"), "person": b"p", "since_ms": 1}
    passed = {"digest": b"d", "kind": "session", "member_name": "ada", "role": "admin", "created_at_ms": 1}
    group = {"destination_id": 1, "state": "dead", "reason": "not-found"}
    return [
        OldRow(4, "intake", {"stretch": 0, "first_at_ms": 1, "last_at_ms": 2, "counts": b"[]"}),
        OldRow(4, "replay", replay),
        OldRow(4, "replay_target", {"replay_id": 1, "destination_id": 1, "position": 1, "fed_at_ms": 2}),
        OldRow(4, "member", {"name": "ada", "role": "admin", "token_digest": b"t", "created_at_ms": 1}),
        OldRow(4, "pass", {**passed, "expires_at_ms": now_ms + FAR_MS}),
        OldRow(5, "suppression", suppression),
        OldRow(5, "regulation", regulation),
        OldRow(5, "alert", {"alert_key": "lag", "since_ms": now_ms - FAR_MS, "last_told_ms": now_ms}),
        OldRow(9, "snooze", {**group, "until_ms": now_ms + FAR_MS, "since_ms": now_ms, "actor": "ada"}),
        OldRow(14, "alert_setting", {"origin": "server", "sealed": vault.seal(Secret("{}")), "saved_at_ms": 1}),
        OldRow(6, "key_mark", {"digest": vault.digest("key-mark", "hubwire")}),
    ]


def _marketing(now_ms: int) -> list[OldRow]:
    of_message = {"at_ms": now_ms - 60_000, "message_position": 1, "trust": 2}
    known_list = {"list_key": "vip", "object_type": "contact", "list_id": "7", "list_name": "VIP", "is_own": True}
    member = {"list_key": "vip", "record_key": ADA, "is_member": True, "list_id": "7", "record_id": "501"}
    preference = {"email": ADA, "subscription_id": "101", "subscription_state": "SUBSCRIBED"}
    submission = {"submission_id": "s1", "content": "c1", "form": "f1", "email": ADA, "submission_state": "seen"}
    sent = {"at_ms": now_ms - 60_000, "sent_at_ms": now_ms - 50_000, "message_position": 1}
    return [
        OldRow(12, "known_list", {"destination_id": 1, **known_list, "list_size": 1, "read_at_ms": now_ms}),
        OldRow(12, "membership", {"destination_id": 1, **member, **of_message, "confirmed_at_ms": now_ms}),
        OldRow(12, "preference", {"destination_id": 1, **preference, **of_message, "confirmed_at_ms": now_ms}),
        OldRow(12, "submission", {"destination_id": 1, **submission, **sent}),
    ]


def _objects(now_ms: int) -> list[OldRow]:
    deal = {"object_type": "deal", "record_key": "d-1", "record_id": "901", "properties": b"\x80"}
    ends = {"source_type": "deal", "source_key": "d-1", "target_type": "contact", "target_key": ADA}
    return [
        OldRow(
            13, "object_record", {"destination_id": 1, **deal, "confirmed_at_ms": now_ms - 50_000, "seen_at_ms": now_ms}
        ),
        OldRow(
            13,
            "object_association",
            {"destination_id": 1, **ends, "at_ms": now_ms - 60_000, "marks": "", "is_away": False},
        ),
    ]
