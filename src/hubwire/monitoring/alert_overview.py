"""The alerts overview: each rule and whether its alert is on, who is notified, and recent changes."""

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
    ("stopped", None, "Delivery is stopped and needs someone to fix it", frozenset({"stopped"})),
    ("lag", "alert_lag_seconds", "The oldest pending message is older than {} s", frozenset({"lag"})),
    ("dead", "alert_dead_messages", "{} or more messages became dead within an hour", frozenset({"dead"})),
    ("retrying", "alert_retrying_messages", "{} or more messages are retrying", frozenset({"retrying"})),
    (
        "budget",
        "alert_budget_percent",
        "{} % of the day's calls are used, and again at 100 %",
        frozenset({"budget", "budget-spent"}),
    ),
    ("silent", "alert_silent_hours", "An active source has sent nothing for {} hours", frozenset({"silent"})),
)
"""Name, setting, when the rule fires, and the key prefixes of its conditions."""
SETTLING = f"The cause is gone. The alert ends if it stays away for {SETTLE_MS // 60_000} minutes"
DEAD_REMEDY = "hubwire failures shows why; fix the cause, then replay."
NONE_NEW = -1


class AlertOn(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that is on. `since_ms` is null if nobody was notified; the start is then unknown."""

    key: str
    title: str
    said: str
    remedy: str
    since_ms: int | None


class AlertRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. `setting` is null for a rule that is always on; `threshold` is null without a threshold or when off."""

    name: str
    setting: str | None
    threshold: float | None
    is_off: bool
    when: str
    on: list[AlertOn]


class AlertChannel(msgspec.Struct, frozen=True, kw_only=True):
    """One receiver of alerts. A webhook's URL is a secret and masked."""

    kind: str
    target: str


class AlertChange(msgspec.Struct, frozen=True, kw_only=True):
    """The start or the end of an alert."""

    at_ms: int
    key: str
    state: AlertState
    title: str
    said: str


class AlertOverview(msgspec.Struct, frozen=True, kw_only=True):
    """`watching_since_ms`: when this process began to collect `changes` (newest first); null if it does not."""

    rules: list[AlertRule]
    channels: list[AlertChannel]
    watching_since_ms: int | None
    changes: list[AlertChange]


def alert_overview(
    seen: Seen, memory: AlertMemory, settings: Settings, clock: Clock, alerts: Alerts | None
) -> AlertOverview:
    """The current alerts. Blocks. `alerts`: those of this process, if it checks for alerts. Errors: BackendError."""
    policy, channels = AlertPolicy.of(settings), channels_of(settings)
    lanes = seen.lanes()
    last_received = seen.last_received() if policy.silent_hours is not None else {}
    current = [*_lane_conditions(lanes, seen.groups(), policy), *silences(last_received, clock.now_ms(), policy)]
    on = alerts_on(current, memory.alerts() if channels else {}, lanes)
    return AlertOverview(
        rules=[_rule(name, setting, when, kinds, settings, on) for name, setting, when, kinds in RULES],
        channels=channels,
        watching_since_ms=alerts.since_ms if alerts is not None and channels else None,
        changes=[
            AlertChange(at_ms=notice.at_ms, key=notice.key, state=notice.state, title=notice.title, said=notice.said)
            for notice in reversed(alerts.changes if alerts is not None else ())
        ],
    )


def channels_of(settings: Settings) -> list[AlertChannel]:
    """The receivers of alerts, with secrets masked."""
    channels = []
    if settings.alert_webhook_url is not None:
        channels.append(AlertChannel(kind="webhook", target="***"))
    if settings.alert_email_to:
        channels.extend(AlertChannel(kind="e-mail", target=address) for address in settings.alert_email_to)
    return channels


def alerts_on(
    current: Iterable[Condition], sent: Mapping[str, tuple[int, int]], lanes: Sequence[LaneStatus]
) -> list[AlertOn]:
    """Current conditions, and alerts whose condition ended too recently to count as resolved. Pure."""
    now = {condition.key: condition for condition in current}
    dead = {f"dead:{lane.name}": lane.dead for lane in lanes}
    on = [_on(condition, sent[key][0] if key in sent else None) for key, condition in now.items()]
    for key in sorted(sent.keys() - now.keys()):
        is_counted = key in dead
        detail = f"{dead[key]} dead in total" if is_counted else SETTLING
        remedy = DEAD_REMEDY if is_counted else ""
        on.append(_on(Condition(key=key, title=_title(key), said=detail, remedy=remedy), sent[key][0]))
    return on


def _lane_conditions(
    lanes: Iterable[LaneStatus], groups: Sequence[GroupCount], policy: AlertPolicy
) -> Iterator[Condition]:
    """Conditions except `dead`, which needs an hour of history in this process."""
    for lane in lanes:
        yield from conditions(lane, NONE_NEW, policy, Snoozed.of(lane, groups))


def _title(key: str) -> str:
    kind, _, name = key.partition(":")
    words = {"dead": "dead messages", "lag": "messages are late", "retrying": "many retries"}
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
        when=when.format("N" if threshold is None else f"{threshold:,.10g}"),
        on=[alert for alert in on if alert.key.partition(":")[0] in kinds],
    )
