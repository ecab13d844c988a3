"""The features that Hubwire uses in a portal, their scopes, and a call that shows whether a token has them. Pure.

HubSpot checks scopes before it reads a body. A write without inputs therefore answers 403 without the scope, and 2xx or
400 with it, and writes nothing. Source: the `security` blocks of HubSpot's OpenAPI; the 403 bodies seen live by third
parties (`errors[].context.requiredGranularScopes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hubwire.destination import Destination
from hubwire.hubspot import wire
from hubwire.hubspot.call import Answer, Call, CallKind
from hubwire.hubspot.errors import read_problem
from hubwire.hubspot.forms import submit_path
from hubwire.hubspot.paths import Paths
from hubwire.plan.presets import rules_of

EMPTY = b'{"inputs":[]}'
UNUSED_DOMAIN = "hubwire.invalid"
"""A domain that no company has (RFC 6761)."""
UNUSED_FORM = "00000000-0000-0000-0000-000000000000"
"""The id of no form."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature that a token must allow. `scopes`: the scopes that it needs, most important first.

    `is_needed`: without this feature, Hubwire delivers nothing.
    """

    name: str
    scopes: tuple[str, ...]
    lost: str
    call: Call
    is_needed: bool = False


@dataclass(frozen=True, slots=True)
class Allowed:
    """The result of a probe: True, False, or None if the answer does not show it. `scopes`: the missing ones."""

    is_allowed: bool | None
    said: str
    scopes: tuple[str, ...] = ()
    is_tier: bool = False
    """True if the account's tier, not the token, forbids it."""


def features(paths: Paths) -> list[Feature]:
    """The features, most important first."""

    def write(path: str, kind: CallKind = "general") -> Call:
        return Call("probe", "POST", path, EMPTY, kind)

    search = wire.search_companies([UNUSED_DOMAIN])
    return [
        Feature(
            "Write contacts",
            ("crm.objects.contacts.write",),
            "Hubwire can deliver nothing",
            write(paths.objects("contacts", "batch/upsert")),
            is_needed=True,
        ),
        Feature(
            "Read contact properties",
            ("crm.schemas.contacts.read", "crm.objects.contacts.read"),
            "Hubwire can deliver nothing",
            Call("probe", "GET", paths.properties("contacts")),
            is_needed=True,
        ),
        Feature(
            "Read company properties",
            ("crm.schemas.companies.read", "crm.objects.companies.read"),
            "Hubwire can deliver nothing",
            Call("probe", "GET", paths.properties("companies")),
            is_needed=True,
        ),
        Feature(
            "Write companies",
            ("crm.objects.companies.write",),
            "group calls create no companies",
            write(paths.objects("companies", "batch/upsert")),
        ),
        Feature(
            "Find companies",
            ("crm.objects.companies.read",),
            "Hubwire does not find existing companies by their domain, and creates duplicates",
            Call("probe", "POST", paths.objects("companies", "search"), search, "search"),
        ),
        Feature(
            "Associate contacts with companies",
            ("crm.objects.contacts.write", "crm.objects.companies.write"),
            "Hubwire cannot associate people with their companies",
            write(paths.associations("contacts", "companies"), "associations"),
        ),
        Feature(
            "Create company properties",
            ("crm.schemas.companies.write",),
            "Hubwire cannot create the hidden property that identifies companies",
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
            "Hubwire cannot deliver track calls as events",
            Call("probe", "GET", paths.list_event_definitions()),
        ),
        Feature(
            "Send custom events",
            ("analytics.behavioral_events.send",),
            "Hubwire cannot deliver track calls as events",
            write(paths.send_events, "events"),
        ),
    ]


def rule_features(paths: Paths, destination: Destination) -> list[Feature]:
    """The features that only rules about lists, subscriptions and forms use: those of this destination's rules."""
    rules = [rule for rule in rules_of(destination) if rule.enabled]
    found: list[Feature] = []
    if any(rule.list is not None for rule in rules):
        lost = "rules put nobody on lists"
        found += [
            Feature("Find lists", ("crm.lists.read",), lost, Call("probe", "GET", f"{paths.lists}?listIds=0")),
            Feature("Change lists", ("crm.lists.write",), lost, Call("probe", "POST", paths.lists, b"{}")),
        ]
    if any(rule.subscription is not None for rule in rules):
        lost, scopes = "rules change no subscriptions", ("communication_preferences.read_write",)
        write = Call("probe", "POST", paths.set_status(f"nobody@{UNUSED_DOMAIN}"), b"{}")
        found += [
            Feature("Read subscriptions", scopes, lost, Call("probe", "GET", paths.subscription_types)),
            Feature("Change subscriptions", scopes, lost, write),
        ]
    if any(rule.form is not None for rule in rules):
        path = submit_path(destination.hub_id or "0", UNUSED_FORM)
        call = Call("probe", "POST", path, b"{}", "forms")
        found.append(Feature("Submit forms", ("forms",), "rules submit no forms", call))
    return found


def all_scopes(paths: Paths | None = None) -> list[str]:
    """Every scope that a service key should have, for all features."""
    scopes = [scope for feature in features(paths or Paths()) for scope in feature.scopes]
    return list(dict.fromkeys(["crm.objects.contacts.read", *scopes]))


def allowed(feature: Feature, answer: Answer) -> Allowed:
    """The result of a feature's probe."""
    status = answer.status
    if status is None:
        return Allowed(None, f"no answer: {answer.failure}")
    if status == 403:
        problem = read_problem(answer.body)
        is_tier = problem.category != "MISSING_SCOPES" and not problem.scopes
        return Allowed(False, problem.text or "refused (403)", problem.scopes or feature.scopes, is_tier)
    if status in (401, 429) or status >= 500:
        return Allowed(None, f"unknown: HubSpot answered {status}")
    if status == 404:
        return Allowed(None, "unknown: HubSpot has no such path (404)")
    return Allowed(True, "allowed")


def missing(features_and_answers: Sequence[tuple[Feature, Allowed]]) -> list[str]:
    """The scopes to add, each once."""
    return list(
        dict.fromkeys(
            scope
            for feature, answer in features_and_answers
            if answer.is_allowed is False and not answer.is_tier
            for scope in (feature.scopes[:1] if len(answer.scopes) != 1 else answer.scopes)
        )
    )
