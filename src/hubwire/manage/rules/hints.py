"""What a person can choose from while writing a rule: event names, fields with an example, and messages to try.

Pure, over the newest messages; nothing is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from hubwire.decoding import merged, read_message
from hubwire.message import JournalRow

MAX_EVENTS = 200
MAX_FIELDS = 200
MAX_SAMPLES = 10
MAX_LEVELS = 5
MAX_EXAMPLE = 40
ORDER = ("properties", "traits", "userId", "anonymousId", "groupId", "name", "type", "event", "timestamp", "context")
"""The fields that rules use most come first."""
NOT_SHOWN = frozenset({"messageId", "writeKey", "sentAt", "receivedAt"})


class SeenValue(msgspec.Struct, kw_only=True, frozen=True):
    """A field of the messages by its path, with one of its values."""

    path: str
    example: str


class Sample(msgspec.Struct, kw_only=True, frozen=True):
    """A stored message to try a rule with."""

    message_id: str
    words: str
    received_at_ms: int
    source_id: int


class RuleHints(msgspec.Struct, kw_only=True):
    """Choices for one trigger: `fields` and `samples` are those of messages that it fires for."""

    events: list[str] = []
    fields: list[SeenValue] = []
    samples: list[Sample] = []
    texts: dict[str, str] = {}
    """The text of each sample, by messageId."""


def rule_hints(rows: Iterable[JournalRow], fires: Callable[[dict[str, Any]], bool]) -> RuleHints:
    """The choices of these rows, which come newest first."""
    events: Counter[str] = Counter()
    examples: dict[str, str] = {}
    hints = RuleHints()
    for row in rows:
        if row.rejected is not None:
            continue
        message = read_message(row)
        if message.event is not None:
            events[message.event] += 1
        fields = message.as_json(True)
        if not fires(fields):
            continue
        for path, value in _leaves("", fields, 0):
            if len(examples) < MAX_FIELDS:
                examples.setdefault(path, _example(value))
        if len(hints.samples) < MAX_SAMPLES and row.message_id not in hints.texts:
            words = f"{message.type} {message.event or ''}".strip()
            hints.samples.append(
                Sample(
                    message_id=row.message_id,
                    words=f"{words} · {message.user_id or message.anonymous_id or row.message_id}",
                    received_at_ms=row.received_at_ms,
                    source_id=row.source_id,
                )
            )
            hints.texts[row.message_id] = message_text(_body(row))
    hints.events = [event for event, _ in events.most_common(MAX_EVENTS)]
    hints.fields = [SeenValue(path=path, example=examples[path]) for path in sorted(examples, key=_rank)]
    return hints


def message_text(body: dict[str, Any]) -> str:
    """A message as JSON to read and change, without the fields that a new one gets anyway."""
    shown = {name: value for name, value in body.items() if name not in NOT_SHOWN}
    return msgspec.json.format(msgspec.json.encode(shown), indent=2).decode()


def _body(row: JournalRow) -> dict[str, Any]:
    envelope = None if row.envelope is None else msgspec.json.decode(row.envelope)
    body: dict[str, Any] = merged(msgspec.json.decode(row.body), envelope)
    return body


def _leaves(prefix: str, value: Any, level: int) -> Iterator[tuple[str, Any]]:
    """Each field that a path can reach, with its value; lists are one field."""
    if isinstance(value, dict) and value and level < MAX_LEVELS:
        for name, inner in value.items():
            if "." not in name and "[" not in name and name not in NOT_SHOWN:
                yield from _leaves(f"{prefix}.{name}" if prefix else name, inner, level + 1)
    elif prefix:
        yield prefix, value


def _example(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= MAX_EXAMPLE else f"{text[:MAX_EXAMPLE]}…"


def _rank(path: str) -> tuple[int, str]:
    first = path.partition(".")[0]
    return (ORDER.index(first) if first in ORDER else len(ORDER), path)
