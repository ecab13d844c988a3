"""Checks who calls: bearer tokens, their scopes and the portal's tier.

Source: HubSpot docs (authentication, scopes) and 401 and 403 bodies observed live by third parties. The bodies for what
a tier does not include, or what is not switched on, are unsure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hubwire.emulator.moments import iso
from hubwire.emulator.standard.kinds import LIBRARY, STANDARD, Kind
from hubwire.emulator.store.config import EmulatorConfig
from hubwire.emulator.wire import Refusal, Request

SCOPES_LINK = "https://developers.hubspot.com/scopes"


@dataclass(slots=True)
class Grant:
    """A token's rights. `scopes=None` is every scope; `expires_at_ms=None` never expires."""

    token: str
    scopes: frozenset[str] | None = None
    expires_at_ms: int | None = None
    is_oauth: bool = False


def credentials_missing() -> Refusal:
    """The 401 for no token, or an unknown one."""
    return Refusal(
        401,
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
        "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        "INVALID_AUTHENTICATION",
    )


def token_expired(expires_at_ms: int, now_ms: int) -> Refusal:
    """The 401 for an expired token."""
    seconds = max(1, (now_ms - expires_at_ms) // 1000)
    return Refusal(
        401,
        f"The OAuth token used to make this call expired {seconds} second(s) ago.",
        "EXPIRED_AUTHENTICATION",
        context={"expire time": [iso(expires_at_ms)]},
    )


def authenticate(request: Request, config: EmulatorConfig, issued: dict[str, Grant], now_ms: int) -> Grant:
    """The rights of the call's bearer token.

    Errors: a 401 `Refusal` when it is missing, unknown or expired.
    """
    header = request.headers.get(b"authorization", b"")
    scheme, _, raw = header.partition(b" ")
    token = raw.strip().decode("latin-1")
    if scheme.lower() != b"bearer" or not token:
        raise credentials_missing()
    grant = issued.get(token)
    if grant is None:
        if config.access_token is not None and token != config.access_token:
            raise credentials_missing()
        return Grant(token, config.granted_scopes)
    if grant.expires_at_ms is not None and grant.expires_at_ms <= now_ms:
        raise token_expired(grant.expires_at_ms, now_ms)
    return grant


def require_any_scope(grant: Grant, alternatives: Sequence[str]) -> None:
    """Refuse a token that holds none of these scopes."""
    if grant.scopes is None or not alternatives or not grant.scopes.isdisjoint(alternatives):
        return
    raise Refusal(
        403,
        f"This app hasn't been granted all required scopes to make this call. Read more about required scopes here: "
        f"{SCOPES_LINK}.",
        "MISSING_SCOPES",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": list(alternatives)},
            }
        ],
        extra={"links": {"scopes": SCOPES_LINK}},
    )


def require_custom_events(config: EmulatorConfig) -> None:
    """Refuse custom events below Enterprise."""
    if config.tier_limits.has_custom_events:
        return
    raise Refusal(
        403, "This account does not have access to custom events; an Enterprise tier is required.", "FORBIDDEN"
    )


def require_object(config: EmulatorConfig, kind: Kind, given: str) -> None:
    """Refuse an object type that the tier does not include, or that nobody has switched on."""
    limits = config.tier_limits
    if kind.name == "leads" and not limits.has_leads:
        raise Refusal(
            403, "This account does not have access to leads; Sales Hub Professional is required.", "FORBIDDEN"
        )
    if kind.is_custom and not limits.has_custom_objects:
        raise Refusal(403, "Custom objects need an Enterprise subscription", "FORBIDDEN")
    if kind.name in LIBRARY and kind.name not in config.library:
        raise Refusal(400, f"Unable to infer object type from: {given}")


# Types whose scopes are not named after them (HubSpot's OpenAPI of 2026-09).
_SCOPES = {
    "tickets": ("tickets",),
    "line_items": ("crm.objects.line_items.{access}", "e-commerce"),
    "products": ("crm.objects.products.{access}", "e-commerce"),
    "quotes": ("crm.objects.quotes.{access}", "e-commerce"),
    "commerce_payments": ("crm.objects.commercepayments.{access}",),
}
_ACTIVITIES = ("communications", "tasks", "notes", "meetings", "calls", "emails", "postal_mail")


def object_scopes(kind: Kind, access: str) -> tuple[str, ...]:
    """The scopes, any of which opens reading or writing records of a type (`access` is `read` or `write`)."""
    if kind.name in _SCOPES:
        return tuple(scope.format(access=access) for scope in _SCOPES[kind.name])
    return (f"crm.objects.{_owner(kind)}.{access}",)


def schema_scopes(kind: Kind, access: str) -> tuple[str, ...]:
    """The scopes, any of which opens properties and groups; reading them is also open to readers of the records."""
    if kind.name in _SCOPES:
        return (*object_scopes(kind, access), f"crm.schemas.{kind.name}.{access}")
    owner = _owner(kind)
    if access == "write":
        return (f"crm.schemas.{owner}.write",)
    return (f"crm.schemas.{owner}.read", f"crm.objects.{owner}.read", f"crm.schemas.{owner}.write")


def every_scope() -> frozenset[str]:
    """The scopes of every object type, and those of events, lists, owners, forms and subscriptions."""
    objects = {
        scope
        for kind in STANDARD
        for access in ("read", "write")
        for scope in (*object_scopes(kind, access), *schema_scopes(kind, access))
    }
    return frozenset({*objects, *_OTHER_SCOPES})


_OTHER_SCOPES = (
    "analytics.behavioral_events.send",
    "behavioral_events.event_definitions.read_write",
    "communication_preferences.read_write",
    "communication_preferences.statuses.batch.read",
    "communication_preferences.statuses.batch.write",
    "crm.lists.read",
    "crm.lists.write",
    "crm.objects.custom.read",
    "crm.objects.custom.write",
    "crm.objects.owners.read",
    "crm.schemas.custom.read",
    "crm.schemas.custom.write",
    "forms",
    "oauth",
    "settings.users.read",
)


def _owner(kind: Kind) -> str:
    if kind.is_custom:
        return "custom"
    return "contacts" if kind.name in _ACTIVITIES else kind.name
