"""The findings of a migration as rules with verdicts: filters first, then subscriptions, then all other parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from hubwire.manage.takeover.actions import draft_of
from hubwire.manage.takeover.drafts import Draft, NotTaken, part_of
from hubwire.manage.takeover.filters import rules_of_filter
from hubwire.manage.takeover.findings import (
    ACTIONS,
    DestinationKind,
    Findings,
    FoundDestination,
    FoundFilter,
    FoundSubscription,
)
from hubwire.manage.takeover.rudderstack import take_rudderstack
from hubwire.manage.takeover.verdicts import TakeOver, Verdict, VerdictLine
from hubwire.plan.rules.triggers import Reading, Trigger, TriggerRefused, compile_trigger
from hubwire.rule import Rule

__all__ = ["TakeOver", "Verdict", "VerdictLine", "take_over"]

SECRETS = ("apiKey", "privateAppToken", "accessToken", "api_key", "access_token")
OURS = frozenset(DestinationKind) - {DestinationKind.OTHER}
CLOUD_ACTIONS = frozenset(ACTIONS.values())


def take_over(found: Findings, only: str | None = None) -> TakeOver:
    """Rules and verdicts for everything that was found; `only` names the one destination to take over."""
    result = TakeOver()
    destinations = [
        destination
        for destination in found.destinations
        if destination.kind in OURS and only in (None, destination.name, destination.key)
    ]
    keys = {destination.key for destination in destinations}
    prefixes = _prefixes(found, destinations)

    def is_ours(key: str, is_known_action: bool) -> bool:
        kind = found.kind_of(key)
        return key in keys if kind is not None or only is not None else is_known_action

    for flt in found.filters:
        if is_ours(flt.destination, bool(keys)):
            _take_filter(flt, prefixes.get(flt.destination, ""), _is_off(destinations, flt.destination), result)
        else:
            result.passed_over += 1
    ours = [sub for sub in found.subscriptions if is_ours(sub.destination, sub.action in CLOUD_ACTIONS)]
    result.passed_over += len(found.subscriptions) - len(ours)
    for subscription in ours:
        siblings = [other for other in ours if other.destination == subscription.destination]
        off = _is_off(destinations, subscription.destination)
        _take_subscription(subscription, prefixes.get(subscription.destination, ""), siblings, off, result)
    for destination in destinations:
        _take_settings(destination, prefixes.get(destination.key, ""), result)
    for other in found.others:
        line = VerdictLine(kind=other.kind, name=other.name, verdict=Verdict.NOT_TAKEN, reason=other.reason)
        result.lines.append(line)
    result.passed_over += sum(destination.kind is DestinationKind.OTHER for destination in found.destinations)
    return result


def _prefixes(found: Findings, destinations: Sequence[FoundDestination]) -> dict[str, str]:
    """The start of rule names, by destination: its name, if rules of several destinations come together."""
    with_rules = {subscription.destination for subscription in found.subscriptions}
    several = [
        destination
        for destination in destinations
        if destination.key in with_rules or destination.kind is DestinationKind.RUDDERSTACK
    ]
    return {destination.key: f"{destination.name}: " for destination in several} if len(several) > 1 else {}


def _is_off(destinations: Sequence[FoundDestination], key: str) -> bool:
    return any(destination.key == key and not destination.is_enabled for destination in destinations)


def _take_filter(found: FoundFilter, prefix: str, is_off: bool, result: TakeOver) -> None:
    line = VerdictLine(kind="filter", name=found.name, verdict=Verdict.TAKEN)
    warnings: list[str] = []

    def build() -> list[Rule]:
        return list(rules_of_filter(found, f"{prefix}{found.name}"[:100], warnings))

    _finish(line, build, warnings, found.is_enabled and not is_off, result)


def _take_subscription(
    found: FoundSubscription, prefix: str, siblings: Sequence[FoundSubscription], is_off: bool, result: TakeOver
) -> None:
    line = VerdictLine(kind="subscription", name=f"{found.name} ({found.action})", verdict=Verdict.TAKEN)
    result.replaces_defaults = True
    draft = Draft()

    def build() -> list[Rule]:
        nonlocal draft
        part = part_of(found, f"{prefix}{found.name}"[:100])
        draft = part.draft
        draft_of(part, _contact_triggers(siblings))
        if draft.never:
            line.verdict, line.reason = Verdict.TAKEN_NEVER_SENT, "; ".join(draft.never)
        if found.is_enabled and not is_off:
            result.defaults.update(draft.defaults)
        return draft.rules

    _finish(line, build, draft.warnings, found.is_enabled and not is_off, result)
    if line.verdict is not Verdict.NOT_TAKEN:
        line.warnings = [*draft.warnings, *line.warnings]


def _finish(
    line: VerdictLine, build: Callable[[], list[Rule]], warnings: list[str], is_on: bool, result: TakeOver
) -> None:
    """Add the rules of a part, or its reason."""
    try:
        rules = build()
    except NotTaken as exc:
        line.verdict, line.reason = Verdict.NOT_TAKEN, str(exc)
        result.lines.append(line)
        return
    line.warnings = list(warnings)
    if not is_on:
        rules = [msgspec.structs.replace(rule, enabled=False) for rule in rules]
        if line.verdict is Verdict.TAKEN_NEVER_SENT:
            line.warnings.append(f"Segment never did this when it was on: {line.reason}")
            line.reason = ""
        line.verdict = Verdict.TAKEN_OFF
    result.add(line, rules)


def _contact_triggers(siblings: Sequence[FoundSubscription]) -> list[Trigger]:
    triggers = []
    for sibling in siblings:
        if sibling.action == "upsertContact" and sibling.is_enabled:
            try:
                triggers.append(compile_trigger(sibling.trigger, Reading.SEGMENT))
            except TriggerRefused:
                continue
    return triggers


def _take_settings(found: FoundDestination, prefix: str, result: TakeOver) -> None:
    hub_id = found.settings.get("portalId") or found.settings.get("hubID") or found.settings.get("hub_id")
    if isinstance(hub_id, str | int) and str(hub_id).isdecimal():
        result.hub_ids.add(str(hub_id))
    if any(found.settings.get(name) for name in SECRETS):
        result.secrets.append(found.name)
    if found.kind is DestinationKind.RUDDERSTACK:
        take_rudderstack(found, result, prefix)
    elif found.kind in (DestinationKind.WEB, DestinationKind.CLASSIC):
        result.is_device_mode = True
        result.load_forms_sdk |= (
            found.settings.get("loadFormsSdk") is True or found.settings.get("loadFormsSDK") is True
        )
        result.lines.append(_page_settings(found))


def _page_settings(found: FoundDestination) -> VerdictLine:
    """The line of a destination that runs in the page."""
    parts: list[Any] = ["turn on device mode for each web source: `device_mode = true` in a file, or the page Sources"]
    if found.kind is DestinationKind.CLASSIC:
        parts.append("in cloud mode, the default behaviour does what the classic destination did")
    verdict = Verdict.TAKEN if found.is_enabled else Verdict.TAKEN_OFF
    return VerdictLine(kind=found.kind.value, name=found.name, verdict=verdict, reason="; ".join(parts))
