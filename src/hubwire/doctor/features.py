"""What Hubwire does in a portal, the scopes that it takes, and a call that tells whether a token has them. Pure.

HubSpot checks scopes before it looks at a body, so that a write with no inputs answers 403 without the scope, and with
it 2xx or 400, and writes nothing. Source: the `security` blocks of HubSpot's OpenAPI; the 403 bodies seen live by third
parties (`errors[].context.requiredGranularScopes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hubwire.hubspot import wire
from hubwire.hubspot.call import Answer, Call, CallKind
from hubwire.hubspot.errors import read_problem
from hubwire.hubspot.paths import Paths

EMPTY = b'{"inputs":[]}'
UNUSED_DOMAIN = "hubwire.invalid"
"""A domain that no company has (RFC 6761)."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that a token must allow. `scopes`: what a key should have for it, the one to add first.

    `is_needed`: without it nothing is delivered.
    """

    name: str
    scopes: tuple[str, ...]
    lost: str
    call: Call
    is_needed: bool = False


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a probe's answer says: True, False, or None when it does not tell. `scopes` are those that are missing."""

    is_allowed: bool | None
    said: str
    scopes: tuple[str, ...] = ()
    is_tier: bool = False
    """It is the account's tier that does not allow it, rather than the token."""


def features(paths: Paths) -> list[Feature]:
    """The features in the order of their weight."""

    def write(path: str, kind: CallKind = "general") -> Call:
        return Call("probe", "POST", path, EMPTY, kind)

    search = wire.search_companies([UNUSED_DOMAIN])
    return [
        Feature(
            "Write contacts",
            ("crm.objects.contacts.write",),
            "nothing can be delivered",
            write(paths.objects("contacts", "batch/upsert")),
            is_needed=True,
        ),
        Feature(
            "Read contact properties",
            ("crm.schemas.contacts.read", "crm.objects.contacts.read"),
            "nothing can be delivered",
            Call("probe", "GET", paths.properties("contacts")),
            is_needed=True,
        ),
        Feature(
            "Read company properties",
            ("crm.schemas.companies.read", "crm.objects.companies.read"),
            "nothing can be delivered",
            Call("probe", "GET", paths.properties("companies")),
            is_needed=True,
        ),
        Feature(
            "Write companies",
            ("crm.objects.companies.write",),
            "group calls make no companies",
            write(paths.objects("companies", "batch/upsert")),
        ),
        Feature(
            "Find companies",
            ("crm.objects.companies.read",),
            "companies that exist already are not found by their domain, and are made a second time",
            Call("probe", "POST", paths.objects("companies", "search"), search, "search"),
        ),
        Feature(
            "Associate contacts with companies",
            ("crm.objects.contacts.write", "crm.objects.companies.write"),
            "people are not linked with their companies",
            write(paths.associations("contacts", "companies"), "associations"),
        ),
        Feature(
            "Create company properties",
            ("crm.schemas.companies.write",),
            "the hidden property that Hubwire knows companies by cannot be made",
            write(paths.create_properties("companies")),
        ),
        Feature(
            "Create contact properties",
            ("crm.schemas.contacts.write",),
            "`create_properties` and `hubwire schema apply` have no effect on contacts",
            write(paths.create_properties("contacts")),
        ),
        Feature(
            "Define custom events",
            ("behavioral_events.event_definitions.read_write",),
            "track calls are not delivered as events",
            Call("probe", "GET", paths.list_event_definitions()),
        ),
        Feature(
            "Send custom events",
            ("analytics.behavioral_events.send",),
            "track calls are not delivered as events",
            write(paths.send_events, "events"),
        ),
    ]


def all_scopes(paths: Paths | None = None) -> list[str]:
    """Every scope that a service key should have, for all features."""
    wanted = [scope for feature in features(paths or Paths()) for scope in feature.scopes]
    return list(dict.fromkeys(["crm.objects.contacts.read", *wanted]))


def allowed(feature: Feature, answer: Answer) -> Allowed:
    """What the answer to a feature's probe says."""
    status = answer.status
    if status is None:
        return Allowed(None, f"no answer: {answer.failure}")
    if status == 403:
        problem = read_problem(answer.body)
        is_tier = problem.category != "MISSING_SCOPES" and not problem.scopes
        return Allowed(False, problem.text or "refused (403)", problem.scopes or feature.scopes, is_tier)
    if status in (401, 429) or status >= 500:
        return Allowed(None, f"not told: HubSpot answered {status}")
    if status == 404:
        return Allowed(None, "not told: this path does not exist there (404)")
    return Allowed(True, "allowed")


def missing(features_and_answers: Sequence[tuple[Feature, Allowed]]) -> list[str]:
    """The scopes to add, each once."""
    return list(
        dict.fromkeys(
            scope
            for feature, one in features_and_answers
            if one.is_allowed is False and not one.is_tier
            for scope in (feature.scopes[:1] if len(one.scopes) != 1 else one.scopes)
        )
    )
