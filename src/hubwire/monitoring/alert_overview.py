"""Alerts for people to look at: every rule and whether it is on, who is told, and what changed lately."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from hubwire.clock import Clock
from hubwire.monitoring.alerts import (
    SETTLE_MS,
    AlertPolicy,
    Alerts,
    AlertState,
    Condition,
    Seen,
    Snoozed,
    conditions,
    silences,
)
from hubwire.record.privacy import AlertMemory
from hubwire.record.queries import LaneStatus
from hubwire.record.snoozes import GroupCount
from hubwire.settings import Settings

RULES: tuple[tuple[str, str | None, str, frozenset[str]], ...] = (
    ("stopped", None, "Delivery stands still for a reason that a person must mend", frozenset({"stopped"})),
    ("lag", "alert_lag_seconds", "The oldest waiting message is older than {} s", frozenset({"lag"})),
    ("dead", "alert_dead_messages", "{} or more messages newly failed within an hour", frozenset({"dead"})),
    ("retrying", "alert_retrying_messages", "{} or more messages are being tried again", frozenset({"retrying"})),
    (
        "budget",
        "alert_budget_percent",
        "{} % of the day's calls are used, and again when all are",
        frozenset({"budget", "budget-spent"}),
    ),
    ("silent", "alert_silent_hours", "A source that used to send is silent for {} hours", frozenset({"silent"})),
)
"""Name, setting, when, and the beginnings of the keys of its conditions."""
SETTLING = f"gone; it is over when it stays away for {SETTLE_MS // 60_000} minutes"
DEAD_REMEDY = "hubwire failures shows why; mend the cause, then replay."
NONE_NEW = -1


class AlertOn(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that is on. `since_ms` is null when nobody was told: then it is only known to be so now."""

    key: str
    title: str
    said: str
    remedy: str
    since_ms: int | None


class AlertRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. `setting` is null when it is always on; `threshold` is null when there is none or it is turned off."""

    name: str
    setting: str | None
    threshold: float | None
    is_off: bool
    when: str
    on: list[AlertOn]


class AlertChannel(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told. A webhook's address is a secret."""

    kind: str
    target: str


class AlertChange(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that began or was over."""

    at_ms: int
    key: str
    state: AlertState
    title: str
    said: str


class AlertOverview(msgspec.Struct, frozen=True, kw_only=True):
    """`watching_since_ms`: when this process began to remember `changes` (newest first); null when it does not."""

    rules: list[AlertRule]
    channels: list[AlertChannel]
    watching_since_ms: int | None
    changes: list[AlertChange]


def alert_overview(
    seen: Seen, memory: AlertMemory, settings: Settings, clock: Clock, alerts: Alerts | None
) -> AlertOverview:
    """The alerts as they are now. Blocks. `alerts`: this process' own, when it watches. Errors: BackendError."""
    policy, channels = AlertPolicy.of(settings), channels_of(settings)
    lanes = seen.lanes()
    last_received = seen.last_received() if policy.silent_hours is not None else {}
    found = [*_found(lanes, seen.groups(), policy), *silences(last_received, clock.now_ms(), policy)]
    on = alerts_on(found, memory.alerts() if channels else {}, lanes)
    return AlertOverview(
        rules=[_rule(name, setting, when, kinds, settings, on) for name, setting, when, kinds in RULES],
        channels=channels,
        watching_since_ms=alerts.since_ms if alerts is not None else None,
        changes=[
            AlertChange(at_ms=one.at_ms, key=one.key, state=one.state, title=one.title, said=one.said)
            for one in reversed(alerts.changes if alerts is not None else ())
        ],
    )


def channels_of(settings: Settings) -> list[AlertChannel]:
    """Who is told, as far as may be shown."""
    channels = []
    if settings.alert_webhook_url is not None:
        channels.append(AlertChannel(kind="webhook", target="***"))
    if settings.alert_email_to:
        channels.extend(AlertChannel(kind="e-mail", target=one) for one in settings.alert_email_to)
    return channels


def alerts_on(
    found: Iterable[Condition], told: Mapping[str, tuple[int, int]], lanes: Sequence[LaneStatus]
) -> list[AlertOn]:
    """What is wrong now, and what was told and has not been over for long enough. Pure."""
    now = {one.key: one for one in found}
    dead = {f"dead:{one.name}": one.dead for one in lanes}
    on = [_on(one, told[key][0] if key in told else None) for key, one in now.items()]
    for key in sorted(told.keys() - now.keys()):
        is_counted = key in dead
        said = f"{dead[key]} dead in all" if is_counted else SETTLING
        remedy = DEAD_REMEDY if is_counted else ""
        on.append(_on(Condition(key=key, title=_title(key), said=said, remedy=remedy), told[key][0]))
    return on


def _found(lanes: Iterable[LaneStatus], groups: Sequence[GroupCount], policy: AlertPolicy) -> Iterator[Condition]:
    """Without dead letters: how many are new only a process knows that has looked on for an hour."""
    for lane in lanes:
        yield from conditions(lane, NONE_NEW, policy, Snoozed.of(lane, groups))


def _title(key: str) -> str:
    kind, _, name = key.partition(":")
    words = {"dead": "dead letters", "lag": "messages wait", "retrying": "many retries"}
    return f"{name}: {words.get(kind, kind)}"


def _on(condition: Condition, since_ms: int | None) -> AlertOn:
    return AlertOn(
        key=condition.key,
        title=condition.title,
        said=condition.said,
        remedy=condition.remedy,
        since_ms=since_ms,
    )


def _rule(
    name: str, setting: str | None, when: str, kinds: frozenset[str], settings: Settings, on: Iterable[AlertOn]
) -> AlertRule:
    threshold = getattr(settings, setting) if setting is not None else None
    is_off = setting is not None and threshold is None
    return AlertRule(
        name=name,
        setting=setting,
        threshold=threshold,
        is_off=is_off,
        when=when.format("so many" if threshold is None else f"{threshold:,.10g}"),
        on=[one for one in on if one.key.partition(":")[0] in kinds],
    )
