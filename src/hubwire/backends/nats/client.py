"""The connection to NATS: an event loop in its own thread, behind blocking calls.

It reconnects for ever, to any server of the cluster that answers. It creates a missing stream on disk, with as many
replicas as the URL has nodes (or as `?replicas=` says).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import parse_qs

import nats
import nats.errors
import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig, StreamInfo, StreamState

from hubwire.errors import BackendUnavailable, SettingsError

log = structlog.get_logger("hubwire.nats")

CALL_SECONDS = 5.0
PATIENCE_SECONDS = 15.0
"""How long a call is repeated while the cluster has no leader."""
AGAIN_SECONDS = 0.1
DUPLICATE_WINDOW_SECONDS = 120.0
FULL_CODES = (10047, 10077)
"""The server's `err_code` for a full stream or disk; repeating the call soon does not help."""
NO_PEERS_CODE = 10005
"""The server's `err_code` while a new cluster does not know its nodes yet."""
MISSING_STREAM_CODE = 10059
"""The server's `err_code` for a stream that it does not have."""
MISSING_HINT = (
    "Stop the nodes, give them their earlier folders (jetstream.store_dir) or a restored stream, and start them. If the"
    " stream is lost, Hubwire needs a new one with an empty database (docs/scaling.md)."
)
MIN_SERVER = (2, 12)
"""Older servers lose messages that they acknowledged, when nodes are killed. Sources: nats-server's issue 6888 and the
Jepsen report on 2.12.1, which names 2.10.22; a soak of Hubwire lost 16 of 2,352 messages with 2.9.10."""
OLD_HINT = "Older servers can lose acknowledged messages when a node is killed. Upgrade the nodes (docs/scaling.md)."
RETRYABLE = (nats.errors.Error, nats.js.errors.Error, TimeoutError, FutureTimeout, OSError)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NatsUrl:
    """The servers and the stream's options: `nats://a:4222,b:4222,c:4222?stream=hubwire&replicas=3`."""

    servers: tuple[str, ...]
    stream: str
    replicas: int
    credentials: str | None

    @classmethod
    def parse(cls, text: str) -> NatsUrl:
        """Errors: SettingsError for anything else."""
        scheme, _, rest = text.partition("://")
        places, _, query = rest.partition("?")
        hosts = [host.removeprefix(f"{scheme}://").rstrip("/") for host in places.split(",")]
        if scheme not in ("nats", "tls") or not all(hosts) or any("/" in host for host in hosts):
            raise SettingsError(
                "journal_url (HUBWIRE_JOURNAL_URL) is not nats://host:port[,host:port…][?stream=NAME&replicas=N]"
            )
        options = parse_qs(query, keep_blank_values=True)
        unknown = options.keys() - {"stream", "replicas", "credentials"}
        if unknown:
            raise SettingsError(f"journal_url (HUBWIRE_JOURNAL_URL): unknown {', '.join(sorted(unknown))}")
        replicas = options.get("replicas", ["3" if len(hosts) >= 3 else "1"])[0]
        if replicas not in ("1", "3", "5"):
            raise SettingsError(f"journal_url (HUBWIRE_JOURNAL_URL): replicas must be 1, 3 or 5, not {replicas!r}")
        return cls(
            tuple(f"{scheme}://{host}" for host in hosts),
            options.get("stream", ["hubwire"])[0],
            int(replicas),
            options.get("credentials", [None])[0],
        )


def check_stream(config: StreamConfig, subject: str, replicas: int) -> None:
    """Errors: SettingsError for a stream that keeps messages less safely than the journal promises."""
    is_limited = (config.max_msgs or 0) > 0 or (config.max_bytes or 0) > 0
    requirements = [
        ("subjects", config.subjects, subject, config.subjects == [subject]),
        ("storage", config.storage, "file", config.storage == StorageType.FILE),
        ("replicas", config.num_replicas, f"{replicas} (?replicas=)", (config.num_replicas or 1) >= replicas),
        ("retention", config.retention, "limits", config.retention == RetentionPolicy.LIMITS),
        ("discard", config.discard, "new", config.discard == DiscardPolicy.NEW or not is_limited),
        ("max_age", config.max_age, "0, not limited", not config.max_age),
        ("max_msgs_per_subject", config.max_msgs_per_subject, "-1, not limited", config.max_msgs_per_subject <= 0),
    ]
    for name, value, right, is_right in requirements:
        if not is_right:
            shown = value.value if isinstance(value, Enum) else value
            raise SettingsError(
                f"journal_url (HUBWIRE_JOURNAL_URL): stream {config.name} would lose messages: {name} is {shown}, not"
                f" {right}",
                hint=f"Run nats stream edit {config.name}, or let Hubwire create another stream (?stream=NAME).",
            )


class NatsClient:
    """A connection and the two streams of a journal. Any thread may use it.

    Shape: `stream` holds the groups, under `subject`; `redacted` lists their deleted messages.
    Errors: BackendUnavailable.
    """

    def __init__(self, url: NatsUrl) -> None:
        self.stream, self.subject = url.stream, f"{url.stream}.groups"
        self.redacted, self.redacted_subject = f"{url.stream}-redacted", f"{url.stream}.redacted"
        self.connection = Client()
        self.jetstream: JetStreamContext = self.connection.jetstream(timeout=CALL_SECONDS)
        self.name = ""
        """The stream and the time of its creation, which restarts, moves and restores do not change."""
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nats", daemon=True)
        self._thread.start()
        self._tasks: set[asyncio.Task[None]] = set()
        try:
            self.run(self._connect(), PATIENCE_SECONDS + CALL_SECONDS)
        except BaseException:
            self.close()
            raise

    @property
    def max_payload(self) -> int:
        """The largest stream message that the server takes, in bytes."""
        return self.connection.max_payload

    def run(self, work: Coroutine[Any, Any, T], seconds: float = PATIENCE_SECONDS) -> T:
        """Run a coroutine on the connection's loop and wait for its result."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except (nats.js.errors.NotFoundError, nats.js.errors.NoStreamResponseError) as exc:
            future.cancel()
            raise self._missing(exc) from exc
        except RETRYABLE as exc:
            future.cancel()
            raise BackendUnavailable(f"nats: {str(exc) or type(exc).__name__}") from exc

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let a coroutine run on the connection's loop until the client is closed."""

        async def start() -> None:
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self.run(start())

    async def insist(self, call: Callable[[], Awaitable[T]], seconds: float = PATIENCE_SECONDS) -> T:
        """The answer of a call, repeated while the cluster elects a leader or reconnects."""
        deadline = self._loop.time() + seconds
        while True:
            try:
                return await call()
            except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as exc:
                if _is_final(exc) or self._loop.time() + AGAIN_SECONDS > deadline:
                    raise
            await asyncio.sleep(AGAIN_SECONDS)

    async def state(self) -> StreamState:
        """The current content of the stream, according to its leader."""
        return (await self.insist(lambda: self.jetstream.stream_info(self.stream))).state

    def close(self) -> None:
        """End the connection; without its farewell if the servers do not answer."""
        if self._loop.is_closed():
            return
        with contextlib.suppress(FutureTimeout):
            asyncio.run_coroutine_threadsafe(self._disconnect(), self._loop).result(CALL_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _connect(self) -> None:
        async def log_error(exc: Exception) -> None:
            log.warning("nats.trouble", error=str(exc) or type(exc).__name__)

        await self.insist(
            lambda: self.connection.connect(
                list(self._url.servers),
                name="hubwire",
                user_credentials=self._url.credentials,
                error_cb=log_error,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.25,  # type: ignore[arg-type]  # seconds, of any length
                connect_timeout=2,
                ping_interval=5,
                max_outstanding_pings=2,
                allow_reconnect=True,
            )
        )
        server = self.connection.connected_server_version
        if is_old(server.major, server.minor):
            needed = ".".join(map(str, MIN_SERVER))
            log.warning("nats.old-server", version=f"{server.major}.{server.minor}", needed=needed, hint=OLD_HINT)
        info = await self._ensure(self.stream, self.subject)
        self.name = f"stream {self.stream} of {info.created:%Y-%m-%dT%H:%M:%S.%fZ}"
        await self._ensure(self.redacted, self.redacted_subject)

    async def _ensure(self, stream: str, subject: str) -> StreamInfo:
        """The stream, created if it is missing. An existing stream keeps its operator's configuration.

        Errors: SettingsError for a stream that would lose messages.
        """
        try:
            info = await self.insist(lambda: self.jetstream.stream_info(stream))
            check_stream(info.config, subject, self._url.replicas)
            return info
        except nats.js.errors.NotFoundError:
            config = StreamConfig(
                name=stream,
                subjects=[subject],
                storage=StorageType.FILE,
                retention=RetentionPolicy.LIMITS,
                discard=DiscardPolicy.NEW,
                num_replicas=self._url.replicas,
                duplicate_window=DUPLICATE_WINDOW_SECONDS,
            )
            return await self.insist(lambda: self.jetstream.add_stream(config))

    def _missing(self, exc: nats.js.errors.Error) -> BackendUnavailable:
        """What a missing stream means; a stream without a leader may also answer a message with silence."""
        if isinstance(exc, nats.js.errors.NotFoundError) and exc.err_code != MISSING_STREAM_CODE:
            return BackendUnavailable(f"nats: {exc}")
        words = f"nats: no node has stream {self.stream} ({exc}); were all nodes started with empty folders?"
        return BackendUnavailable(f"{words} {MISSING_HINT}", hint=MISSING_HINT)

    async def _disconnect(self) -> None:
        while self._tasks:  # Python 3.11's wait_for forgets a cancellation that comes in the moment of its answer
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=AGAIN_SECONDS)
        await self.connection.close()


def is_old(major: int, minor: int) -> bool:
    """True for a server version that is not safe enough. nats-py calls a version that it cannot read 0.0."""
    return (0, 0) < (major, minor) < MIN_SERVER


def _is_final(exc: Exception) -> bool:
    """True if repeating the call would give the same answer."""
    if not isinstance(exc, nats.js.errors.APIError):
        return False
    if isinstance(exc, (nats.js.errors.NotFoundError, nats.js.errors.BadRequestError)):
        return exc.err_code != NO_PEERS_CODE
    return exc.err_code in FULL_CODES
