"""The Tracking API as an ASGI application without a framework: the hot path of Hubwire.

An upload is read, unpacked, decoded, given to its source, journaled, and only then answered. Whatever a caller
sends, it never gets a 200 before the journal has committed, a redirect, a traceback or a 500.
Sources: Segment HTTP API; the SDKs' transports (docs/sdks.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from hubwire.clock import Clock
from hubwire.destination import Source, SourceKind
from hubwire.errors import BackendError, Overloaded, UnknownWriteKey, UploadRefused
from hubwire.message import Entry
from hubwire.receive import answers
from hubwire.receive.answers import Answer
from hubwire.receive.body import Body, BodyReader, CallerGone, LargeUploads, unpack, unpacked_bytes
from hubwire.receive.entries import UploadOptions, entries_of
from hubwire.receive.openapi import document
from hubwire.receive.parse import Upload, read_upload
from hubwire.receive.paths import Route, Takes, is_below, is_wrong_door, route_of
from hubwire.receive.pixel import pixel_upload, write_key_in
from hubwire.receive.sources import (
    SourceDirectory,
    SourceRates,
    basic_write_key,
    is_allowed,
    other_write_key,
    usable_write_key,
)
from hubwire.receive.upload_limits import LARGE_UPLOAD_BYTES, ReceiveLimits

UNAVAILABLE_RETRY_SECONDS = 3
UNAVAILABLE_LOG_MS = 10_000
GET_ROUTES = (Takes.PIXEL, Takes.DOCUMENT)
Positions = Sequence[int | None]
POST_ROUTES = (Takes.SINGLE, Takes.UPLOAD)
"""A tuple: the hash of an enum's member costs more than two comparisons."""
logger = structlog.get_logger(__name__)


class Appending(Protocol):
    """The receiver's interface to the journal: `GroupCommit`."""

    async def append(self, entries: Sequence[Entry]) -> list[int | None]: ...

    def submit(self, entries: Sequence[Entry], settled: Callable[[Positions | Exception], None]) -> None: ...


@dataclass(slots=True)
class ReceiveCounts:
    """Counts since the start, for /metrics: messages by source and by reason, refused uploads by code."""

    uploads: int = 0
    messages: Counter[int] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


class RequestHeaders(msgspec.Struct):
    """The request headers that the receiver reads."""

    authorization: bytes | None = None
    write_key: bytes | None = None
    origin: bytes | None = None
    length: bytes = b""
    is_strict: bool = False
    is_backfill: bool = False


class ReceiveApp:
    """Serves the Tracking API. `handles` selects its requests; another application can serve the others."""

    def __init__(self, sources: SourceDirectory, journal: Appending, clock: Clock, limits: ReceiveLimits) -> None:
        self.counts = ReceiveCounts()
        self._sources = sources
        self._journal = journal
        self._clock = clock
        self._limits = limits
        self._rates = SourceRates()
        self._logged_unavailable_at_ms = -UNAVAILABLE_LOG_MS
        self._reader = BodyReader(limits)
        self._large_of_servers = LargeUploads(limits.max_upload_bytes, limits.read_timeout_seconds)
        self._large_of_others = LargeUploads(limits.max_upload_bytes, limits.read_timeout_seconds)
        """Room for large uploads of websites and of keys in the body, so that these never keep servers waiting."""

    def held_bytes(self) -> int:
        """The bytes that large uploads hold or have reserved, from reading until the commit."""
        return self._large_of_servers.held_bytes + self._large_of_others.held_bytes

    @staticmethod
    def handles(scope: Scope) -> bool:
        """Whether a request is for the Tracking API, or a mistaken one to which its 404 is the best answer."""
        path = scope["path"]
        return route_of(path) is not None or is_below(path) or is_wrong_door(scope["method"], path, scope["headers"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = route_of(scope["path"])
        headers = _request_headers(scope["headers"])
        try:
            if route is None:
                raise UploadRefused(
                    f"path: {scope['path'][:200]!r} is not one of the Tracking API; uploads go to /v1/batch"
                    " (/v1/openapi.json has all paths)",
                    code="no-such-path",
                    status=404,
                )
            await self._answer(scope, route, headers, receive, send)
        except CallerGone:
            self.counts.refused["caller-gone"] += 1
        except Exception as exc:
            await self._refused(exc, headers, route, scope["path"]).send(send)

    def take_whole(self, scope: Scope, body: bytes, done: Callable[[int, bytes], None]) -> bool:
        """Accept an upload that arrived whole, without a separate task (`connection.TakesWhole`)."""
        route = route_of(scope["path"])
        if route is None or route.takes not in POST_ROUTES:
            return False
        headers = _request_headers(scope["headers"])
        if headers.origin is not None or unpacked_bytes(body, self._limits) > LARGE_UPLOAD_BYTES:
            return False
        path = scope["path"]

        def refuse(fault: Exception) -> None:
            answer = self._refused(fault, headers, route, path)
            done(answer.status, answer.rest())

        try:
            source = self._named_source(route, headers)
            unpacked = unpack(body, self._limits)
            source, entries = self._entries(unpacked, route, source, headers, scope["query_string"])
            if not entries:
                return False

            def settled(outcome: Positions | Exception) -> None:
                if isinstance(outcome, Exception):
                    refuse(outcome)
                else:
                    self._count(source, entries)
                    done(200, answers.SUCCESS_REST)

            self._journal.submit(entries, settled)
        except (UploadRefused, BackendError) as exc:
            # An exception that is kept would keep this frame and the connection alive.
            refuse(exc.with_traceback(None))
        except Exception as exc:
            refuse(exc)
        return True

    async def _answer(self, scope: Scope, route: Route, headers: RequestHeaders, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method == "OPTIONS":
            await answers.preflight(send, headers.origin, scope["headers"])
        elif route.takes in GET_ROUTES and method == "GET":
            if route.takes is Takes.DOCUMENT:
                await answers.json(send, document(), headers.origin)
            else:
                await self._take_pixel(scope["query_string"], route, headers)
                await answers.image(send)
        elif method != "POST" or route.takes in GET_ROUTES:
            raise UploadRefused(f"{method} is not taken here", code="method-not-allowed", status=405)
        elif route.takes is Takes.METRICS:
            await answers.success(send, headers.origin)
        else:
            await self._take_upload(scope, route, headers, receive)
            await answers.success(send, headers.origin)

    async def _take_upload(self, scope: Scope, route: Route, headers: RequestHeaders, receive: Receive) -> None:
        # Check before reading the body, so that a stranger cannot make us hold it.
        source = self._named_source(route, headers)
        is_server = source is not None and source.kind is SourceKind.SERVER
        place = (self._large_of_servers if is_server else self._large_of_others).place()
        try:
            body = await self._reader.read(receive, place, int(headers.length) if headers.length.isdigit() else None)
            source, entries = self._entries(body, route, source, headers, scope["query_string"])
            del body  # The entries are copies, so the upload is freed during the commit.
            await self._journal.append(entries)
        finally:
            place.give_back()
        self._count(source, entries)

    async def _take_pixel(self, query: bytes, route: Route, headers: RequestHeaders) -> None:
        """Keep the message of an image request. A refusal is only counted: an image has no way to hear it."""
        try:
            upload = pixel_upload(query, route, self._limits)
            source = self._source(usable_write_key(upload.write_key))
            entries = self._admitted(upload, Route(Takes.SINGLE, route.type), source, RequestHeaders())
            await self._journal.append(entries)
            self._count(source, entries)
        except (UploadRefused, BackendError) as exc:
            self.counts.refused[exc.code] += 1

    def _named_source(self, route: Route, headers: RequestHeaders) -> Source | None:
        """The source of the write key in the header or the path; None if neither has one."""
        given = basic_write_key(headers.authorization) if headers.authorization is not None else None
        write_key = given or route.write_key
        if write_key is not None:
            return self._source(write_key)
        # An unknown token may come from Segment's OAuth; the write key is then in the body.
        other = other_write_key(headers.authorization, headers.write_key)
        return self._sources.by_write_key(other) if other is not None else None

    def _entries(
        self, body: Body, route: Route, source: Source | None, headers: RequestHeaders, query: bytes
    ) -> tuple[Source, list[Entry]]:
        """The entries of an unpacked body, and its source."""
        upload = read_upload(body, route, self._limits, is_strict=headers.is_strict)
        if source is None:
            other = other_write_key(headers.authorization, headers.write_key)
            source = self._source(usable_write_key(upload.write_key) or write_key_in(query) or other)
        return source, self._admitted(upload, route, source, headers)

    def _admitted(self, upload: Upload, route: Route, source: Source, headers: RequestHeaders) -> list[Entry]:
        """The entries of an upload, if its source may send from this origin and at this rate."""
        if headers.origin is not None and not is_allowed(headers.origin, source.allowed_origins):
            raise UploadRefused(
                f"origin: {headers.origin[:200].decode('ascii', 'replace')!r} is not an allowed origin of this source",
                code="origin-not-allowed",
                status=403,
            )
        now_ms = self._clock.now_ms()
        wait_seconds = self._rates.take(source, len(upload.fields), now_ms)
        if wait_seconds is not None and source.rate_limit is not None:
            raise Overloaded(
                f"this source may send {source.rate_limit.per_second} messages per second; nothing was kept",
                code="rate-limited",
                retry_after_seconds=wait_seconds,
            )
        is_backfill = headers.is_backfill and source.kind is SourceKind.SERVER
        terms = UploadOptions(self._limits, is_strict=headers.is_strict, is_backfill=is_backfill)
        return entries_of(upload, route, source, now_ms, terms)

    def _count(self, source: Source, entries: Sequence[Entry]) -> None:
        self.counts.uploads += 1
        self.counts.messages[source.source_id] += len(entries)
        for entry in entries:
            if entry.rejected is not None:
                self.counts.rejected[entry.rejected] += 1

    def _source(self, write_key: str | None) -> Source:
        if write_key is None:
            raise UnknownWriteKey(
                "writeKey: none given, neither as HTTP Basic user, bearer token or X-Write-Key nor in the body"
            )
        source = self._sources.by_write_key(write_key)
        if source is None:
            raise UnknownWriteKey(f"writeKey: no source has the one that ends in {write_key[-4:]!r}")
        return source

    def _log_unavailable(self, reason: str) -> None:
        """Log a failure, but not for each of the thousands of uploads that are refused while it lasts."""
        now_ms = self._clock.now_ms()
        if not 0 <= now_ms - self._logged_unavailable_at_ms < UNAVAILABLE_LOG_MS:
            self._logged_unavailable_at_ms = now_ms
            logger.warning("receive.unavailable", reason=reason, refused=self.counts.refused["unavailable"] + 1)

    def _refused(self, fault: Exception, headers: RequestHeaders, route: Route | None, path: str) -> Answer:
        """Answer and count a refused upload; log our own bugs."""
        if isinstance(fault, UploadRefused):
            refused = fault
        elif isinstance(fault, BackendError):
            self._log_unavailable(str(fault))
            refused = _unavailable("the journal cannot be written to at the moment")
        else:
            # Our own bug. The caller keeps the upload and tries again; a 500 would tell some SDKs to drop it.
            logger.error("receive.failed", path=path, exc_info=fault)
            refused = _unavailable("this upload could not be taken")
        self.counts.refused[refused.code] += 1
        allow = None
        if refused.status == 405:
            allow = b"GET, OPTIONS" if route is not None and route.takes in GET_ROUTES else b"POST, OPTIONS"
        return answers.refusal(refused, headers.origin, allow=allow)


def _request_headers(fields: Sequence[tuple[bytes, bytes]]) -> RequestHeaders:
    headers = RequestHeaders()
    for name, value in fields:
        if name == b"authorization":
            headers.authorization = value
        elif name == b"x-write-key":
            headers.write_key = value
        elif name == b"origin":
            headers.origin = value
        elif name == b"content-length":
            headers.length = value
        elif name == b"x-strict-mode":
            headers.is_strict = value == b"1"
        elif name == b"x-backfill":
            headers.is_backfill = value == b"1"
    return headers


def _unavailable(message: str) -> UploadRefused:
    return UploadRefused(
        f"{message}; nothing was kept", code="unavailable", status=503, retry_after_seconds=UNAVAILABLE_RETRY_SECONDS
    )
