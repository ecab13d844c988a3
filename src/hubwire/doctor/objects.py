"""The object types that a destination's rules name: the scopes of each, and calls that show whether they are allowed.
Pure.

Source: the `security` blocks of HubSpot's OpenAPI for objects and properties; the object guides for tiers and for
objects that a person switches on. HubSpot answers 400 ("Unable to infer object type") for a type that a portal lacks.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hubwire.doctor import Check, ok, warn
from hubwire.doctor.features import EMPTY, Allowed, Feature, allowed
from hubwire.hubspot.call import Answer, Call
from hubwire.hubspot.errors import read_problem
from hubwire.hubspot.paths import Paths
from hubwire.object_types import standard_type

SUCCESS, BAD_REQUEST, NOT_FOUND = 200, 400, 404
_OTHER_NAMES = {
    "ticket": ("tickets", "tickets", "tickets"),
    "line_item": ("crm.objects.line_items.read", "crm.objects.line_items.write", "e-commerce"),
    "product": ("crm.objects.products.read", "crm.objects.products.write", "e-commerce"),
}
"""The scopes to read, to write, and to create properties, where they are not named after the type."""
_NEEDS = {
    "lead": "Leads need Sales Hub Professional.",
    "service": "Switch services on in HubSpot's settings, under Objects.",
    "course": "Switch courses on in HubSpot's settings, under Objects.",
    "listing": "Switch listings on in HubSpot's settings, under Objects.",
    "appointment": "Switch appointments on in HubSpot's settings, under Objects.",
    "order": "An administrator adds the object Orders in HubSpot's settings.",
    "cart": "An administrator adds the object Carts in HubSpot's settings.",
}
_CUSTOM = "Custom objects need an Enterprise account, and one with this name or id."


class _Enablement(msgspec.Struct):
    enablement: bool


def library_feature(paths: Paths, name: str) -> Feature | None:
    """Whether a type of HubSpot's object library is switched on; None for other types."""
    known = standard_type(name)
    if known is None or not known.is_switched:
        return None
    call = Call("probe", "GET", paths.enablement(known.type_id))
    return Feature(f"Switched on: {known.plural}", (), f"the messages of rules with `{name}` are held", call)


def library_access(answer: Answer) -> Allowed | None:
    """The result of that probe; None if HubSpot does not say it, and the other probes must show it."""
    if answer.status != SUCCESS:
        return None
    try:
        body = msgspec.json.decode(answer.body, type=_Enablement)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Allowed(True, "yes") if body.enablement else Allowed(False, "nobody has switched it on", (), is_tier=True)


def object_features(paths: Paths, object_types: Iterable[str], *, creates_properties: bool) -> list[Feature]:
    """The features of each object type: its properties are read and its records written."""
    found = []
    for name in sorted(object_types):
        known = standard_type(name)
        path, words = (name, name) if known is None else (known.path, known.plural.replace("_", " "))
        read, write, create = _scopes(name, known.plural if known is not None else "custom")
        lost = f"the messages of rules with `{name}` are held"
        upsert = Call("probe", "POST", paths.objects(path, "batch/upsert"), EMPTY)
        found.append(
            Feature(f"Read properties of {words}", (read,), lost, Call("probe", "GET", paths.properties(path)))
        )
        found.append(Feature(f"Write {words}", (write,), lost, upsert))
        if creates_properties:
            creation = Call("probe", "POST", paths.create_properties(path), EMPTY)
            lost = f"Hubwire cannot create properties of {words}, such as the key of a rule"
            found.append(Feature(f"Create properties of {words}", (create,), lost, creation))
    return found


def _scopes(name: str, plural: str) -> tuple[str, str, str]:
    objects, schemas = f"crm.objects.{plural}", f"crm.schemas.{plural}"
    return _OTHER_NAMES.get(name, (f"{objects}.read", f"{objects}.write", f"{schemas}.write"))


def object_access(feature: Feature, answer: Answer) -> Allowed:
    """The result of a probe. A portal that lacks the object type does not allow it, whatever the token's scopes."""
    text = read_problem(answer.body).text
    if answer.status == NOT_FOUND or (answer.status == BAD_REQUEST and "infer object type" in text):
        return Allowed(False, text or "HubSpot has no such object (404)", (), is_tier=True)
    return allowed(feature, answer)


def object_check(name: str, feature: Feature, access: Allowed) -> Check:
    """One line about an object type."""
    if access.is_allowed:
        return ok(feature.name, access.said)
    if access.is_allowed is None:
        return warn(feature.name, access.said, "Run the doctor again later.")
    if access.is_tier:
        detail = f"this portal does not have it ({access.said}): {feature.lost}"
        needed = _NEEDS.get(name, "Ask the account's administrator.") if standard_type(name) is not None else _CUSTOM
        return warn(feature.name, detail, f"{needed} Contacts and companies are not affected.")
    scopes = " or ".join(access.scopes[:3])
    remedy = f"Add the scope {scopes} to the service key; its token stays the same."
    return warn(feature.name, f"the token lacks {scopes}: {feature.lost}", remedy)
