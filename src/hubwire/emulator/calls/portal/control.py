"""The control plane, with which a test inspects and changes the portal. No token, loopback only.

Every operation is a plain function on a portal, used by `hubwire.testing` as it is; the table at the end maps HTTP on
them. Its own options are in snake_case; records and events have HubSpot's shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from hubwire.emulator.calls.marketing.lists import without_gone
from hubwire.emulator.calls.portal import editing
from hubwire.emulator.calls.portal.oauth import issue_code
from hubwire.emulator.calls.portal.seeding import seed
from hubwire.emulator.moments import iso, parse_moment
from hubwire.emulator.store.config import Reading, Tier
from hubwire.emulator.store.faults import FaultRule
from hubwire.emulator.store.limiter import daily_limit
from hubwire.emulator.store.objects.records import ObjectStore
from hubwire.emulator.store.objects.rules import AdminRules
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import NO_CONTENT, Refusal, Reply, Request, decode_exactly, json_reply

Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Calls = Annotated[int, msgspec.Meta(ge=1, le=10**12)]
Lag = Annotated[float, msgspec.Meta(ge=0, le=86_400)]


class LimitsBody(msgspec.Struct, forbid_unknown_fields=True):
    """Changes to limits and lags; omitted fields stay."""

    enabled: bool | UnsetType = UNSET
    tier: Tier | UnsetType = UNSET
    burst: Calls | UnsetType | None = UNSET
    daily: Count | UnsetType | None = UNSET
    daily_used: Count | UnsetType = UNSET
    search_per_second: Calls | UnsetType = UNSET
    retry_after: bool | UnsetType = UNSET
    search_lag_seconds: Lag | UnsetType = UNSET
    property_lag_seconds: Lag | UnsetType = UNSET
    keep_events: Count | UnsetType | None = UNSET
    keep_history: Count | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET


class PortalBody(msgspec.Struct, forbid_unknown_fields=True):
    """Changes to the account; omitted fields stay."""

    tier: Tier | UnsetType = UNSET
    access_token: str | UnsetType | None = UNSET
    scopes: list[str] | UnsetType | None = UNSET
    default_lifecycle_stage: str | UnsetType = UNSET
    allows_partial_upsert: bool | UnsetType = UNSET
    requires_identifying_property: bool | UnsetType = UNSET
    creates_contacts_from_events: bool | UnsetType = UNSET
    creates_companies_from_emails: bool | UnsetType = UNSET
    requires_legal_basis: bool | UnsetType = UNSET
    library_objects: list[str] | UnsetType = UNSET
    readings: list[Reading] | UnsetType = UNSET
    validation: dict[str, AdminRules] | UnsetType = UNSET


class ClockBody(msgspec.Struct, forbid_unknown_fields=True):
    """A change of the clock."""

    advance_seconds: float | None = None
    set: str | int | None = None
    frozen: bool | None = None


class CodeBody(msgspec.Struct, forbid_unknown_fields=True):
    """The scopes of an authorisation code; None means all of them."""

    scopes: list[str] | None = None


_LIMIT_NAMES = {"enabled": "limits_enabled", "retry_after": "sends_retry_after"}


def contacts_like(portal: Portal, object_type: str) -> list[dict[str, Any]]:
    """Live records of a type, oldest first: id, every property, dates, archived."""
    store = portal.store(object_type)
    return [store.shown(record, {**store.computed(record), **record.properties}) for record in store.live()]


def associations(portal: Portal) -> list[dict[str, Any]]:
    """Every association once, with the type ids seen from its `from` side."""
    return [
        {"from": {"type": from_type, "id": from_id}, "to": {"type": to_type, "id": to_id}, "types": sorted(held)}
        for from_type, from_id, to_type, to_id, held in portal.associations.every_link(list(portal.stores))
    ]


def events(portal: Portal) -> dict[str, Any]:
    """Accepted events, the lost ones apart, and counts that hold even where events are not kept.

    Shape: each event is a `msgspec.Raw`, encoded as it is kept, so that a million of them can be shown.
    """
    log = portal.events
    return {
        "results": [msgspec.Raw(line) for line in log.kept],
        "lost": [msgspec.Raw(line) for line in log.lost],
        "counts": dict(log.counts),
        "lost_counts": dict(log.lost_counts),
        "duplicate_counts": dict(log.duplicate_counts),
    }


def event_definitions(portal: Portal) -> list[dict[str, Any]]:
    """Every event definition."""
    shown = [definition.shown() for definition in portal.events.definitions.values()]
    return [dict(msgspec.to_builtins(definition)) for definition in shown]


def properties(portal: Portal, object_type: str) -> list[dict[str, Any]]:
    """Every live definition of a type, regardless of the lag."""
    return [msgspec.to_builtins(definition) for definition in portal.store(object_type).schema.live.values()]


def limits(portal: Portal) -> dict[str, Any]:
    """Limits and lags in force."""
    config = portal.config
    now_ms = portal.clock.now_ms()
    return {
        "enabled": config.limits_enabled,
        "tier": config.tier,
        "burst": config.burst or config.tier_limits.burst,
        "daily": daily_limit(config),
        "daily_used": portal.limiter.daily_used,
        "daily_resets_at": iso(portal.limiter.resets_at_ms(config, now_ms)),
        "search_per_second": config.search_per_second,
        "retry_after": config.sends_retry_after,
        "search_lag_seconds": config.search_lag_seconds,
        "property_lag_seconds": config.property_lag_seconds,
        "keep_events": config.keep_events,
        "keep_history": config.keep_history,
        "time_zone": config.time_zone,
    }


def set_limits(portal: Portal, body: LimitsBody) -> dict[str, Any]:
    """Change limits and lags, and show them."""
    changes = _given(body)
    used = changes.pop("daily_used", None)
    portal.configure(**{_LIMIT_NAMES.get(name, name): value for name, value in changes.items()})
    if used is not None:
        portal.limiter.use_day(portal.config, portal.clock.now_ms(), used)
    return limits(portal)


def account(portal: Portal) -> dict[str, Any]:
    """The account's settings, without its token."""
    config = portal.config
    return {
        "portal_id": config.portal_id,
        "tier": config.tier,
        "has_access_token": config.access_token is not None,
        "scopes": None if config.granted_scopes is None else sorted(config.granted_scopes),
        "default_lifecycle_stage": config.default_lifecycle_stage,
        "allows_partial_upsert": config.allows_partial_upsert,
        "requires_identifying_property": config.requires_identifying_property,
        "creates_contacts_from_events": config.creates_contacts_from_events,
        "creates_companies_from_emails": config.creates_companies_from_emails,
        "requires_legal_basis": config.requires_legal_basis,
        "library_objects": sorted(config.library),
        "readings": sorted(config.readings),
        "validation": {name: msgspec.to_builtins(rules) for name, rules in portal.validation.items()},
    }


def set_account(portal: Portal, body: PortalBody) -> dict[str, Any]:
    """Change the account, and show it."""
    changes = _given(body)
    if "validation" in changes:
        portal.validation = {portal.store(name).name: rules for name, rules in changes.pop("validation").items()}
    if changes.get("scopes") is not None:
        changes["scopes"] = frozenset(changes["scopes"])
    portal.configure(**changes)
    return account(portal)


def clock(portal: Portal) -> dict[str, Any]:
    """The current time of the emulator."""
    return {"now": portal.now_iso(), "now_ms": portal.clock.now_ms(), "frozen": portal.clock.is_frozen}


def move_clock(portal: Portal, body: ClockBody) -> dict[str, Any]:
    """Set, freeze or release the clock, then advance it; show it."""
    if body.set is not None:
        try:
            portal.clock.set(parse_moment(body.set))
        except ValueError as exc:
            raise Refusal(400, f"{body.set} is not a moment") from exc
    if body.frozen is not None:
        (portal.clock.freeze if body.frozen else portal.clock.follow)()
    if body.advance_seconds:
        portal.clock.advance(body.advance_seconds)
    return clock(portal)


def archived(portal: Portal, object_type: str) -> list[dict[str, Any]]:
    """Records in the recycling bin."""
    store: ObjectStore = portal.store(object_type)
    return [
        store.shown(record, {**store.computed(record), **record.properties})
        for record in store.records.values()
        if record.archived_at_ms
    ]


def lists(portal: Portal) -> list[dict[str, Any]]:
    """Every list with the record ids of its members, in order of joining."""
    return [
        {**known.shown(), "members": list(known.members), "deleted": known.is_deleted}
        for known in (without_gone(portal, record_list) for record_list in portal.lists.values())
    ]


def index(portal: Portal) -> dict[str, Any]:
    """Every call of the control plane, and the object types with their counts of live records."""
    exact = sorted(f"{method} /_emulator/{name}" for method, name in _EXACT if name)
    counts = {name: sum(1 for _ in store.live()) for name, store in portal.stores.items()}
    return {
        "portal_id": portal.config.portal_id,
        "now": portal.now_iso(),
        "calls": [*exact, *(f"GET /_emulator/{name}/{{objectType}}" for name in ("archived", "objects", "properties"))],
        "objects": counts,
    }


def coverage() -> Reply:
    """COVERAGE.md: what the emulator covers, and how certain each part is."""
    text = (Path(__file__).parents[2] / "COVERAGE.md").read_bytes()
    return Reply(200, text, b"text/markdown;charset=utf-8")


def _given(body: msgspec.Struct) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}


_limits_body = msgspec.json.Decoder(LimitsBody)
_portal_body = msgspec.json.Decoder(PortalBody)
_clock_body = msgspec.json.Decoder(ClockBody)
_code_body = msgspec.json.Decoder(CodeBody)
_seed_body = msgspec.json.Decoder(dict[str, Any])
_edit_body = msgspec.json.Decoder(editing.EditBody)
_record_body = msgspec.json.Decoder(editing.RecordBody)
_merge_body = msgspec.json.Decoder(editing.MergeBody)
_fault_body = msgspec.json.Decoder(FaultRule | list[FaultRule])


def _reset(portal: Portal, _request: Request) -> Reply:
    portal.reset()
    return Reply(NO_CONTENT)


def _seed(portal: Portal, request: Request) -> Reply:
    return json_reply(200, seed(portal, decode_exactly(_seed_body, request.body)))


def _faults(portal: Portal, request: Request) -> Reply:
    if request.method == "DELETE":
        portal.faults.rules.clear()
        return Reply(NO_CONTENT)
    if request.method == "POST":
        decoded = decode_exactly(_fault_body, request.body)
        for rule in decoded if isinstance(decoded, list) else [decoded]:
            portal.faults.add(rule)
    return json_reply(200, {"results": portal.faults.rules})


def _code(portal: Portal, request: Request) -> Reply:
    scopes = decode_exactly(_code_body, request.body or b"{}").scopes
    return json_reply(200, {"code": issue_code(portal, frozenset(scopes) if scopes is not None else None)})


def _done(act: Callable[[Portal, editing.RecordBody], None]) -> Callable[[Portal, Request], Reply]:
    def answer_with_nothing(portal: Portal, request: Request) -> Reply:
        act(portal, decode_exactly(_record_body, request.body))
        return Reply(NO_CONTENT)

    return answer_with_nothing


_EXACT: dict[tuple[str, str], Callable[[Portal, Request], Reply]] = {
    ("POST", "reset"): _reset,
    ("GET", "stats"): lambda portal, _: json_reply(200, portal.stats.shown()),
    ("POST", "seed"): _seed,
    ("POST", "edit"): lambda portal, request: json_reply(
        200, editing.edit(portal, decode_exactly(_edit_body, request.body))
    ),
    ("POST", "archive"): _done(editing.archive),
    ("POST", "restore"): _done(editing.restore),
    ("POST", "privacy-delete"): _done(editing.privacy_delete),
    ("POST", "merge"): lambda portal, request: json_reply(
        200, editing.merge(portal, decode_exactly(_merge_body, request.body))
    ),
    ("GET", "faults"): _faults,
    ("POST", "faults"): _faults,
    ("DELETE", "faults"): _faults,
    ("GET", "clock"): lambda portal, _: json_reply(200, clock(portal)),
    ("POST", "clock"): lambda portal, request: json_reply(
        200, move_clock(portal, decode_exactly(_clock_body, request.body))
    ),
    ("GET", "requests"): lambda portal, _: json_reply(200, {"results": portal.requests.shown()}),
    ("GET", "limits"): lambda portal, _: json_reply(200, limits(portal)),
    ("PUT", "limits"): lambda portal, request: json_reply(
        200, set_limits(portal, decode_exactly(_limits_body, request.body))
    ),
    ("GET", "portal"): lambda portal, _: json_reply(200, account(portal)),
    ("PUT", "portal"): lambda portal, request: json_reply(
        200, set_account(portal, decode_exactly(_portal_body, request.body))
    ),
    ("GET", "associations"): lambda portal, _: json_reply(200, {"results": associations(portal)}),
    ("GET", "events"): lambda portal, _: json_reply(200, events(portal)),
    ("GET", "coverage"): lambda _portal, _: coverage(),
    ("GET", ""): lambda portal, _: json_reply(200, index(portal)),
    ("GET", "lists"): lambda portal, _: json_reply(200, {"results": lists(portal)}),
    ("GET", "owners"): lambda portal, _: json_reply(200, {"results": list(portal.owners.values())}),
    ("GET", "submissions"): lambda portal, _: json_reply(200, {"results": list(portal.submissions)}),
    ("GET", "subscriptions"): lambda portal, _: json_reply(200, {"results": portal.subscriptions}),
    ("GET", "event-definitions"): lambda portal, _: json_reply(200, {"results": event_definitions(portal)}),
    ("POST", "oauth/code"): _code,
}


def answer(portal: Portal, request: Request) -> Reply:
    """The control plane's answer to a call under `/_emulator/`."""
    name = request.path.removeprefix("/_emulator").strip("/")
    handler = _EXACT.get((request.method, name))
    try:
        if handler is not None:
            return handler(portal, request)
        if request.method == "GET" and name.startswith("properties/"):
            return json_reply(200, {"results": properties(portal, name.removeprefix("properties/"))})
        if request.method == "GET" and name.startswith("archived/"):
            return json_reply(200, {"results": archived(portal, name.removeprefix("archived/"))})
        object_type = name.removeprefix("objects/")
        if request.method == "GET" and (name in portal.stores or name.startswith("objects/")):
            return json_reply(200, {"results": contacts_like(portal, object_type)})
    except Refusal as refusal:
        return json_reply(400, refusal.body(portal.correlation_id()))
    except ValueError as exc:
        return json_reply(400, Refusal(400, str(exc)).body(portal.correlation_id()))
    unknown = Refusal(404, f"The control plane has no {request.method} {request.path[:200]}")
    return json_reply(404, unknown.body(portal.correlation_id()))
