"""Changes that people make to sources and destinations: checked, written, put into the audit log, and noticed by lanes.

Console, admin API and commands use these functions.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any, Protocol
from zoneinfo import available_timezones

import msgspec

from hubwire.destination import MAX_RULES, OWN_SPACE, PROPERTY_NAME, Destination, Mapping, Source, SourceKind
from hubwire.errors import BadValue, Missing, SettingsError
from hubwire.hubspot.paths import ROOTS
from hubwire.plan.rules.checks import check_destination
from hubwire.record.protocol import Record
from hubwire.registry.protocol import Registry, WriteKey
from hubwire.registry.sandboxes import START_ANEW, refuse_in_sandbox
from hubwire.secret import Secret

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
HUB_ID = re.compile(r"[0-9]{1,12}")
REGION = re.compile(r"[a-z]{2}[0-9]{1,2}")
TOKEN = re.compile(r"[!-~]{8,512}")
WRITE_KEY = re.compile(r"[A-Za-z0-9_.-]{8,128}")
PROPERTY = re.compile(PROPERTY_NAME)
ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
SPACE = re.compile(r"[!-{}~][ -{}~]{0,127}")
MAX_ORIGINS = 100
MAX_HOURS = 24 * 31
WRITE_KEY_PREFIX = "wk_"
BOUNDS: dict[str, tuple[float, float]] = {
    "hold_hours": (0, MAX_HOURS),
    "cookie_after_hours": (0, MAX_HOURS),
    "suppress_unchanged_hours": (0, MAX_HOURS),
    "late_after_minutes": (0, MAX_HOURS * 60),
    "confirm_after_hours": (0, MAX_HOURS),
    "recheck_after_seconds": (0, MAX_HOURS * 3600),
    "future_grace_minutes": (0, 24 * 60),
    "public_definitions_per_day": (0, 10_000),
    "calls_per_second": (0.01, 1000),
    "calls_per_day": (1, 100_000_000),
    "messages_per_second": (1, 1_000_000),
}
"""The lowest and the highest value of each number."""


class Parts(Protocol):
    """The dependencies of changes. `on_registry_change` notifies lanes and receivers in all processes."""

    @property
    def registry(self) -> Registry: ...

    @property
    def record(self) -> Record: ...

    @property
    def on_registry_change(self) -> Callable[[], None]: ...


# -- sources


def save_source(parts: Parts, actor: str, source: Source) -> Source:
    """Add (source_id 0) or change a source. Errors: BadValue; SettingsError if the name is taken."""
    _check_name("name", source.name)
    if len(source.allowed_origins) > MAX_ORIGINS:
        raise BadValue("allowed_origins", f"at most {MAX_ORIGINS} origins", limit=MAX_ORIGINS)
    for origin in source.allowed_origins:
        if not ORIGIN.fullmatch(origin):
            message = "an origin looks like https://www.example.com, without a path"
            raise BadValue("allowed_origins", message, value=origin)
    if not SPACE.fullmatch(source.identity_space):
        message = "an identity space has 1 to 128 characters of ASCII, without |"
        raise BadValue("identity_space", message, value=source.identity_space)
    _check_bounds(source, "messages_per_second")
    before = parts.registry.sources().get(source.source_id)
    stored = parts.registry.save_source(source)
    _audit(parts, actor, "source.changed" if before else "source.created", _differences(stored.name, before, stored))
    return stored


def add_source(parts: Parts, actor: str, source: Source, key: str | None = None) -> tuple[Source, WriteKey]:
    """Add a source with its first write key, or neither of them. Errors: as `save_source` and `add_write_key`."""
    stored = save_source(parts, actor, source)
    try:
        return stored, add_write_key(parts, actor, stored.source_id, key)
    except SettingsError:
        remove_source(parts, actor, stored.source_id)
        raise


def default_space(kind: SourceKind, name: str) -> str:
    """The identity space of a new source: servers share one, public sources have their own."""
    return "server" if kind is SourceKind.SERVER else f"{OWN_SPACE}{name}"


def remove_source(parts: Parts, actor: str, source_id: int) -> None:
    """Remove a source and its write keys. Its messages stay."""
    source = parts.registry.sources()[source_id]
    parts.registry.remove_source(source_id)
    _audit(parts, actor, "source.removed", source.name)


def add_write_key(parts: Parts, actor: str, source_id: int, text: str | None = None) -> WriteKey:
    """Add a write key to a source: the given one, or a generated one. The result has its text. Errors: BadValue."""
    if text is not None and not WRITE_KEY.fullmatch(text):
        raise BadValue("write_key", "a write key has 8 to 128 letters, digits, dots, dashes or underscores")
    key = parts.registry.add_write_key(source_id, Secret(text or WRITE_KEY_PREFIX + secrets.token_urlsafe(18)))
    _audit(parts, actor, "write-key.added", f"{parts.registry.sources()[source_id].name}: …{key.hint} ({key.key_id})")
    return key


def revoke_write_key(parts: Parts, actor: str, source_id: int, name: str) -> None:
    """Refuse uploads with one write key from now on; `name` is its id, or its last four characters if only it has them.

    Errors: Missing for a key that is not in use; BadValue, naming the ids, if two keys end in these characters.
    """
    keys = [key for key in parts.registry.write_keys(source_id) if not key.is_revoked]
    named = [key for key in keys if key.key_id == name] or [key for key in keys if key.hint == name]
    if len(named) > 1:
        ids = " and ".join(key.key_id for key in named)
        raise BadValue("key", f"{len(named)} write keys end in {name}: {ids}; give the id of one", value=name)
    if not named or not parts.registry.revoke_write_key(source_id, named[0].key_id):
        raise Missing("key", "this source has no such write key in use", value=name)
    source_name = parts.registry.sources()[source_id].name
    _audit(parts, actor, "write-key.revoked", f"{source_name}: …{named[0].hint} ({named[0].key_id})")


# -- destinations


def save_destination(parts: Parts, actor: str, destination: Destination) -> Destination:
    """Add (destination_id 0) or change a destination. Errors: BadValue; SettingsError if the name
    is taken, or for a real destination in a sandbox."""
    _check_name("name", destination.name)
    if destination.hub_id is not None and not HUB_ID.fullmatch(destination.hub_id):
        raise BadValue("hub_id", "the Hub ID is a number of at most 12 digits", value=destination.hub_id)
    if not REGION.fullmatch(destination.region):
        raise BadValue("region", "the region looks like na1 or eu1", value=destination.region)
    if destination.api_version not in ROOTS:
        raise BadValue("api_version", f"the API version is one of {', '.join(ROOTS)}", value=destination.api_version)
    _check_bounds(
        destination,
        "hold_hours",
        "cookie_after_hours",
        "suppress_unchanged_hours",
        "late_after_minutes",
        "confirm_after_hours",
        "recheck_after_seconds",
        "future_grace_minutes",
        "public_definitions_per_day",
        "calls_per_second",
        "calls_per_day",
    )
    if destination.day_zone not in available_timezones():
        raise BadValue(
            "day_zone", "day_zone is the IANA name of a time zone, such as Europe/Berlin", value=destination.day_zone
        )
    known = parts.registry.sources()
    for source_id in destination.source_ids or ():
        if source_id not in known:
            raise Missing("source_ids", f"there is no source {source_id}", value=source_id)
    _check_mapping(destination.mapping)
    check_destination(destination)
    before = parts.registry.destinations().get(destination.destination_id)
    if before is None and not destination.is_sandbox:
        refuse_in_sandbox(parts.registry)
    stored = parts.registry.save_destination(destination)
    action = "destination.changed" if before else "destination.created"
    _audit(parts, actor, action, _differences(stored.name, before, stored))
    return stored


def add_destination(parts: Parts, actor: str, destination: Destination, token: str | None) -> Destination:
    """Add a destination and its optional access token, or neither of them. Errors: as `save_destination` and
    `set_token`."""
    check_token(token)
    stored = save_destination(parts, actor, destination)
    if token is not None:
        set_token(parts, actor, stored.destination_id, token)
    return stored


def set_paused(parts: Parts, actor: str, destination_id: int, is_paused: bool) -> Destination:
    """Pause (new messages are kept) or resume a destination; resuming also restarts a stopped lane."""
    destination = msgspec.structs.replace(parts.registry.destinations()[destination_id], is_paused=is_paused)
    stored = parts.registry.save_destination(destination)
    if not is_paused:
        parts.record.stop_lane(destination_id, None, "", None)
    _audit(parts, actor, "destination.paused" if is_paused else "destination.resumed", stored.name)
    return stored


def resume_for_new(parts: Parts, actor: str, destination_id: int, now_ms: int) -> Destination:
    """Resume a destination for new messages only; older ones that still wait for their first cycle are discarded."""
    destination = parts.registry.destinations()[destination_id]
    parts.registry.save_destination(msgspec.structs.replace(destination, received_since_ms=now_ms))
    return set_paused(parts, actor, destination_id, False)


def reread_schema(registry: Registry, on_registry_change: Callable[[], None], destination_id: int) -> None:
    """Make the lanes of all processes read the portal's schema before their next cycle."""
    registry.save_destination(registry.destinations()[destination_id])  # even an equal one is a new version
    on_registry_change()


def set_token(parts: Parts, actor: str, destination_id: int, token: str | None) -> None:
    """Store the access token (None removes it). A lane that a bad token stopped resumes."""
    check_token(token)
    parts.registry.set_token(destination_id, None if token is None else Secret(token))
    if token is not None:
        parts.record.stop_lane(destination_id, None, "", None)
    name = parts.registry.destinations()[destination_id].name
    _audit(parts, actor, "token.removed" if token is None else "token.changed", name)


def set_journal_app(parts: Parts, actor: str, destination_id: int, app: Secret | None) -> None:
    """Store the client credentials of the change journal, which turns it on (None turns it off)."""
    parts.registry.set_journal_app(destination_id, app)
    name = parts.registry.destinations()[destination_id].name
    _audit(parts, actor, "journal.off" if app is None else "journal.on", name)


def remove_destination(parts: Parts, actor: str, destination_id: int) -> None:
    """Remove a destination and its token. Delivered data stays in HubSpot."""
    destination = parts.registry.destinations()[destination_id]
    if destination.is_sandbox and len(parts.registry.destinations()) == 1:
        raise SettingsError(
            f"destination {destination.name!r} is the only one of this sandbox and cannot be removed", hint=START_ANEW
        )
    parts.registry.remove_destination(destination_id)
    _audit(parts, actor, "destination.removed", destination.name)


# -- checks


def _check_name(field: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise BadValue(field, "a name has 1 to 64 letters, digits, spaces, dots, dashes or underscores", value=name)


def check_token(token: str | None) -> None:
    if token is not None and not TOKEN.fullmatch(token):
        raise BadValue("token", "an access token has 8 to 512 characters and no spaces", limit=[8, 512])


def _check_bounds(item: Source | Destination, *names: str) -> None:
    for name in names:
        value, (minimum, maximum) = getattr(item, name), BOUNDS[name]
        if value is not None and not minimum <= value <= maximum:
            raise BadValue(
                name, f"{name} must be from {minimum:,} to {maximum:,}", value=value, limit=[minimum, maximum]
            )


def _check_mapping(mapping: Mapping) -> None:
    for field, rules in (("contact", mapping.contact), ("company", mapping.company)):
        if len(rules) > MAX_RULES:
            raise BadValue(field, f"at most {MAX_RULES} rules", limit=MAX_RULES)
        for trait, name in rules.items():
            if not trait or (name is not None and not PROPERTY.fullmatch(name)):
                raise BadValue(
                    field,
                    "a property's internal name is a letter, then lower-case letters, digits and underscores",
                    value=f"{trait} -> {name}",
                )
    if len(mapping.events) > MAX_RULES or len(mapping.only_events) > MAX_RULES:
        raise BadValue("events", f"at most {MAX_RULES} events", limit=MAX_RULES)


# -- the log


def _audit(parts: Parts, actor: str, action: str, detail: str) -> None:
    parts.registry.write_audit(actor, action, detail)
    parts.on_registry_change()


def _differences(name: str, before: Any, after: Any) -> str:
    """The changed fields: `hubspot: hold_hours 72.0 -> 24.0`."""
    if before is None:
        return name
    old, new = _flat(before), _flat(after)
    changed = [
        f"{field} {_short(old.get(field))} -> {_short(new.get(field))}"
        for field in {**old, **new}
        if old.get(field) != new.get(field)
    ]
    return f"{name}: {'; '.join(changed) or 'nothing changed'}"


def _flat(value: Any) -> dict[str, Any]:
    """Fields by name; a nested struct's fields are named like `mapping.contact`, each rule like `rule Orders`."""
    flat: dict[str, Any] = {}
    for name in value.__struct_fields__:
        inner = getattr(value, name)
        if name == "rules":
            flat |= {f"rule {rule.name}": msgspec.to_builtins(rule) for rule in inner}
            flat["order of rules"] = [rule.name for rule in inner]
        elif isinstance(inner, msgspec.Struct):
            flat |= {f"{name}.{field}": inner_value for field, inner_value in msgspec.to_builtins(inner).items()}
        else:
            flat[name] = msgspec.to_builtins(inner)
    return flat


def _short(value: Any) -> str:
    shown = msgspec.json.encode(value).decode()
    return shown if len(shown) <= 200 else f"{shown[:200]}…"
