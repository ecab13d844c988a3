"""What holds for every upload whatever its bytes: the fuzz target of the test and of benchmarks/fuzz_receive.py."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from hubwire.decoding import read_message
from hubwire.destination import Source, SourceKind
from hubwire.errors import UploadRefused
from hubwire.message import Entry, JournalRow
from hubwire.receive.body import unpack
from hubwire.receive.entries import MAX_MESSAGE_ID_LENGTH, UploadOptions, entries_of
from hubwire.receive.parse import read_upload
from hubwire.receive.paths import Route, route_of
from hubwire.receive.upload_limits import ReceiveLimits

NOW = 1_790_000_000_000
CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())
LIMITS = ReceiveLimits()
SOURCES = (Source(source_id=1, name="server"), Source(source_id=2, name="web", kind=SourceKind.WEB))
ROUTES = [route for path in ("/v1/batch", "/v1/track", "/v1/alias", "/v1/merge") if (route := route_of(path))]


def take(body: bytes, route: Route, source: Source, *, is_strict: bool = False) -> list[Entry] | UploadRefused:
    """The entries of an upload, checked, or its refusal. Anything else that is raised is a finding."""
    try:
        upload = read_upload(unpack(body, LIMITS), route, LIMITS)
        entries = entries_of(upload, route, source, NOW, UploadOptions(LIMITS, is_strict=is_strict))
    except UploadRefused as exc:
        refused = exc
    else:
        for entry in entries:
            check(entry)
        return entries
    assert refused.status == 400
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", refused.code)
    assert str(refused)
    msgspec.json.encode(str(refused))
    return refused


def check(entry: Entry) -> None:
    """That everything behind the door can live with the entry."""
    assert 0 < len(entry.message_id) <= MAX_MESSAGE_ID_LENGTH
    assert entry.message_id.isprintable()
    entry.message_id.encode()
    assert len(entry.body) <= LIMITS.max_message_bytes + 100
    assert isinstance(msgspec.json.decode(entry.body), dict)
    if entry.rejected is None:
        row = JournalRow(
            1, entry.source_id, entry.message_id, NOW, entry.body, entry.envelope, entry.is_backfill, entry.rejected
        )
        message = read_message(row)
        assert message.user_id is not None or message.anonymous_id is not None
