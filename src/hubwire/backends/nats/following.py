"""Reading a stream in order: pulled in batches, checked for gaps, restarted after any error.

A consumer lives in the memory of one node and has no important state: if its node fails, a new consumer continues
behind the last message seen. Consumers number their deliveries; a gap in the numbers means a loss, and the consumer is
replaced.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

import nats.errors
import nats.js.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from hubwire.backends.nats.client import NatsClient

HEARTBEAT_SECONDS = 1.0
EXPIRES_SECONDS = 20.0
IDLE_SECONDS = 60.0
"""The server removes a consumer after this time without a pull."""
AGAIN_SECONDS = 0.2
MAKE_SECONDS = 1.5
"""The time limit for each step of making a consumer. A cluster that has just lost a node may assign a consumer to that
node and never answer; the next attempt gets another node."""
NANOSECONDS = 1_000_000_000


class _Broken(Exception):
    """The consumer has stopped delivering, or has skipped a message."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """One stream message."""

    sequence: int
    headers: dict[str, str]
    payload: bytes


@dataclass(frozen=True, slots=True)
class Start:
    """The first stream message to read, by sequence or by time (aware)."""

    sequence: int = 1
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Manner:
    """How to read a stream: headers only or whole messages, and the size of a batch."""

    headers_only: bool = False
    batch: int = 64


HEADS = Manner(headers_only=True, batch=512)


async def follow(
    client: NatsClient, stream: str, subject: str, start: Start, manner: Manner
) -> AsyncGenerator[Delivered | int, None]:
    """Every message from a sequence on, then each new one, for ever.

    Shape: a number in the output is a sequence up to which all messages are delivered; it appears when a consumer
    starts at the end.
    """
    while True:
        try:
            async with aclosing(_consume(client, stream, subject, start, manner)) as delivered:
                async for item in delivered:
                    yield item
                    start = Start((item if isinstance(item, int) else item.sequence) + 1)
        except (_Broken, nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError):
            await asyncio.sleep(AGAIN_SECONDS)


async def _consume(
    client: NatsClient, stream: str, subject: str, start: Start, manner: Manner
) -> AsyncGenerator[Delivered | int, None]:
    connection = client.connection
    state = await _state(client, stream)
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_TIME if start.since else DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=None if start.since else max(start.sequence, 1),
        opt_start_time=start.since,
        ack_policy=AckPolicy.NONE,
        filter_subject=subject,
        headers_only=manner.headers_only,
        inactive_threshold=IDLE_SECONDS,
        mem_storage=True,
        num_replicas=1,
    )
    info = await client.jetstream.add_consumer(stream, config, timeout=MAKE_SECONDS)
    if state.last_sequence and state.has_nothing_behind(start):
        yield state.last_sequence
    inbox = connection.new_inbox()
    subscription = await connection.subscribe(inbox, pending_msgs_limit=-1, pending_bytes_limit=-1)
    try:
        async for item in _pull(client, subscription, f"{stream}.{info.name}", inbox, manner):
            yield item
    finally:
        await subscription.unsubscribe()


async def _pull(
    client: NatsClient, subscription: Subscription, consumer: str, inbox: str, manner: Manner
) -> AsyncGenerator[Delivered, None]:
    ask = json.dumps(
        {
            "batch": manner.batch,
            "expires": round(EXPIRES_SECONDS * NANOSECONDS),
            "idle_heartbeat": round(HEARTBEAT_SECONDS * NANOSECONDS),
        }
    ).encode()
    requested, number = 0, 0
    while True:
        if requested == 0:
            await client.connection.publish(f"$JS.API.CONSUMER.MSG.NEXT.{consumer}", ask, reply=inbox)
            requested = manner.batch
        message = await subscription.next_msg(timeout=3 * HEARTBEAT_SECONDS)
        status = (message.headers or {}).get("Status")
        if status == "100":
            continue
        if status in ("404", "408"):
            requested = 0
            continue
        if status is not None:
            raise _Broken(status)
        sequence, follows = _places(message)
        number += 1
        requested -= 1
        if follows != number:
            raise _Broken("a message is missing")
        yield Delivered(sequence, message.headers or {}, message.data)


@dataclass(frozen=True, slots=True)
class _State:
    """The content of a stream, according to its leader."""

    messages: int
    last_sequence: int
    last_at: datetime

    def has_nothing_behind(self, start: Start) -> bool:
        """True if all messages are delivered. A consumer's own count is not enough, because its node may lag."""
        if self.messages == 0:
            return True
        return self.last_at < start.since if start.since else start.sequence > self.last_sequence


async def _state(client: NatsClient, stream: str) -> _State:
    answer = await client.connection.request(f"$JS.API.STREAM.INFO.{stream}", b"", timeout=MAKE_SECONDS)
    reply = json.loads(answer.data)
    if "error" in reply:
        raise nats.js.errors.APIError.from_error(reply["error"])
    state = reply["state"]
    # Python's times have no nanoseconds.
    last_at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", state["last_ts"]))
    return _State(state["messages"], state["last_seq"], last_at)


def _places(message: Msg) -> tuple[int, int]:
    """Stream sequence and the consumer's number, from the reply subject."""
    tokens = message.reply.split(".")
    # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>, or with domain and account.
    shift = 0 if len(tokens) == 9 else 2
    return int(tokens[5 + shift]), int(tokens[6 + shift])
