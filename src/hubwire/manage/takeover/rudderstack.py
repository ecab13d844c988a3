"""RudderStack's HubSpot settings as rules and as options of a destination.

Source: rudder-integrations-config, destinations/hs; rudder-iac's YAML, which has the same fields in snake_case.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hubwire.manage.takeover.findings import FoundDestination
from hubwire.manage.takeover.verdicts import TakeOver, Verdict, VerdictLine
from hubwire.rule import Rule


def take_rudderstack(found: FoundDestination, result: TakeOver, prefix: str) -> None:
    """Add what a RudderStack destination becomes to the result."""
    result.replaces_defaults = True
    events = list(_events(found.settings))
    is_legacy = _setting(found, "apiVersion", "api_version") in (None, "legacyApi")
    for name, event, properties in events:
        rule = Rule(
            name=f"{prefix}{name}"[:100],
            trigger=f'type = "track" and event = "{name}"',
            event=event,
            properties=properties,
            enabled=found.is_enabled,
        )
        verdict = Verdict.TAKEN if found.is_enabled else Verdict.TAKEN_OFF
        if '"' in name:
            line = VerdictLine(kind="event", name=name, verdict=Verdict.NOT_TAKEN, reason="its name has a quote")
            result.lines.append(line)
            continue
        result.add(VerdictLine(kind="event", name=name, verdict=verdict), [rule])
    defaults = {"contacts", "events"} if is_legacy else {"contacts"}
    result.defaults |= defaults
    how = "each track call is the event of its name" if is_legacy else "a track call without a rule sends nothing"
    result.lines.append(
        VerdictLine(kind="identify", name=found.name, verdict=Verdict.TAKEN, reason=f"by the default behaviour; {how}")
    )
    _lookup(found, result)
    _device_mode(found, result)
    _rest(found, result)


def _events(settings: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each mapped event: its name in messages, its HubSpot name, and its properties."""
    listed = settings.get("hubspotEvents") or settings.get("hubspot_events") or []
    for entry in listed if isinstance(listed, list) else []:
        if not isinstance(entry, dict):
            continue
        name = str(entry.get("rsEventName") or entry.get("rs_event_name") or "").strip()
        event = str(entry.get("hubspotEventName") or entry.get("hubspot_event_name") or "").strip()
        pairs = entry.get("eventProperties") or entry.get("event_properties") or []
        properties = {
            str(pair["to"]): f"$.properties.{pair['from']}"
            for pair in pairs
            if isinstance(pair, dict) and pair.get("from") and pair.get("to")
        }
        if name and event:
            yield name, event, properties


def _lookup(found: FoundDestination, result: TakeOver) -> None:
    field = _setting(found, "lookupField", "lookup_field")
    if not field or str(field).casefold() == "email":
        return
    result.contact_key = {str(field): f"$.traits.{field}"}
    reason = f"contacts are known by {field}, with the value of the trait {field}"
    result.lines.append(VerdictLine(kind="setting", name="lookup field", verdict=Verdict.TAKEN, reason=reason))


def _device_mode(found: FoundDestination, result: TakeOver) -> None:
    native = _setting(found, "useNativeSDK", "use_native_sdk")
    mode = _setting(found, "connectionMode", "connection_mode")
    is_native = isinstance(native, dict) and native.get("web") is True
    if is_native or (isinstance(mode, dict) and mode.get("web") == "device"):
        result.is_device_mode = True
        reason = "turn on device mode for the web source: `device_mode = true` in a file, or the page Sources"
        result.lines.append(VerdictLine(kind="setting", name="device mode", verdict=Verdict.TAKEN, reason=reason))


def _rest(found: FoundDestination, result: TakeOver) -> None:
    """The settings that no rule and no option stands for, each with its reason."""
    filtering = _setting(found, "eventFilteringOption", "event_filtering")
    if filtering not in (None, "disable", {}):
        reason = "it filters in the page only; `only_events` of the mapping filters what the server sends"
        result.lines.append(_not_taken("client-side event filtering", reason))
    if _setting(found, "doAssociation", "do_association"):
        result.lines.append(_not_taken("associations", "they are for Reverse ETL; Hubwire associates group calls"))
    if _setting(found, "consentManagement", "consent_management"):
        reason = "name the categories in the mapping: consent_categories"
        result.lines.append(_not_taken("consent management", reason))
    if found.transformation:
        reason = "code is not taken over: many transformations rename, drop or add fields, which rules can do"
        result.lines.append(_not_taken("transformation", reason))


def _not_taken(name: str, reason: str) -> VerdictLine:
    return VerdictLine(kind="setting", name=name, verdict=Verdict.NOT_TAKEN, reason=reason)


def _setting(found: FoundDestination, api_name: str, yaml_name: str) -> Any:
    value = found.settings.get(api_name)
    return found.settings.get(yaml_name) if value is None else value
