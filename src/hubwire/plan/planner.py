"""The planner: the links to load for a message, the links that it adds, and its operations.

A cycle loads the links of all `keys_of` its messages (and of the `pointer_targets` of these links), learns the
`links_of` every message, then plans each message. Consent comes first, then `integrations`, then the destination's
`skip` rules; a message refused by one of them teaches nothing. Rules with `drop` or `keep` then take fields away. Other
rules write beside the default behaviour, or in its place (`by_rules`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hubwire.destination import Destination, Mapping, Source, Trust
from hubwire.message import Message, MessageType
from hubwire.operation import Discard, Link, Plan
from hubwire.plan.calls.alias import links_of_alias, plan_alias
from hubwire.plan.calls.group import links_of_group, plan_group
from hubwire.plan.calls.identify import links_of_identify, plan_identify
from hubwire.plan.calls.page import plan_page, plan_screen
from hubwire.plan.calls.track import links_of_event, plan_track
from hubwire.plan.conversion.trait_rules import CONTACT
from hubwire.plan.filters import refused
from hubwire.plan.identity import TOLD, Identity, inherited_key, names_someone
from hubwire.plan.person_traits import keys_of_traits, links_of_traits, traits_of
from hubwire.plan.rulebook import Rulebook, rulebook
from hubwire.plan.rules.resolving import PERSON
from hubwire.plan.rules.rule_set import rule_set
from hubwire.plan.writing.by_rules import add_to_own, plan_by_rules
from hubwire.plan.writing.rule_targets import Targets
from hubwire.plan.writing.rule_writers import firing_of
from hubwire.reasons import Reason
from hubwire.schema import PortalSchema

_PLANNERS: dict[MessageType, Callable[[Message, Source, Rulebook, Identity], Plan]] = {
    MessageType.IDENTIFY: plan_identify,
    MessageType.GROUP: plan_group,
    MessageType.ALIAS: plan_alias,
}
_EVENT_PLANNERS: dict[MessageType, Callable[[Message, Source, Rulebook, Identity, bool], Plan]] = {
    MessageType.TRACK: plan_track,
    MessageType.PAGE: plan_page,
    MessageType.SCREEN: plan_screen,
}


def keys_of(message: Message, source: Source) -> list[tuple[str, str]]:
    """The (space, key) pairs of the record's links that planning this message may need."""
    space = source.identity_space
    keys = []
    if names_someone(message.user_id):
        keys.append((space, f"u:{message.user_id}"))
    if names_someone(message.anonymous_id):
        keys.append((space, f"a:{message.anonymous_id}"))
    if message.type is MessageType.GROUP and names_someone(message.group_id):
        keys.append((space, f"g:{message.group_id}"))
        keys += [(space, inherited_key(key)) for _, key in keys if key[0] == "u"]
    elif message.type is MessageType.ALIAS and names_someone(message.previous_id):
        keys += [(space, f"u:{message.previous_id}"), (space, f"a:{message.previous_id}")]
    return keys


def _email_keys(mapping: Mapping) -> tuple[str, ...]:
    if not mapping.contact:
        return ()
    return tuple([key for key, name in mapping.contact.items() if name == CONTACT.key])


def links_of(message: Message, source: Source, destination: Destination) -> list[Link]:
    """The links that a message adds. Called for all messages of a cycle before planning any of them.

    Shape: where a public source shares an identity space with servers, its identify calls count like `context.traits`,
    so that nobody can attach a person whom a server identified to another address.
    """
    links = _links_of(message, source, destination)
    if source.is_in_shared_space and destination.trust is Trust.SERVER:
        return [link._replace(strength=min(link.strength, TOLD)) for link in links]
    return links


def _links_of(message: Message, source: Source, destination: Destination) -> list[Link]:
    mapping = destination.mapping
    if refused(message, mapping) is not None or skipped(message, destination) is not None:
        return []
    if destination.has_rules:
        message = rule_set(destination).without_taken(message)
    return _links_of_ids(message, source, mapping) + _links_of_traits(message, source, destination)


def _links_of_traits(message: Message, source: Source, destination: Destination) -> list[Link]:
    """The traits of the message that rules want to be remembered."""
    if not destination.has_rules:
        return []
    names = rule_set(destination).person_traits
    space = source.identity_space
    return links_of_traits(message, space, names, _email_keys(destination.mapping)) if names else []


def keys_of_person(
    message: Message, source: Source, destination: Destination, identity: Identity
) -> list[tuple[str, str]]:
    """The (space, key) pairs of what rules need of the message's person. Loaded when the cycle's links are known."""
    if not destination.has_rules:
        return []
    rules = rule_set(destination)
    if not rules.writing.candidates(message.type, message.event).takes_traits:
        return []
    return keys_of_traits(message, source, rules.person_traits, _email_keys(destination.mapping), identity)


def person_of(message: Message, source: Source, destination: Destination, identity: Identity) -> dict[str, Any]:
    """What the rules see of the message's person as `$person`."""
    return traits_of(keys_of_person(message, source, destination, identity), identity)


def _links_of_ids(message: Message, source: Source, mapping: Mapping) -> list[Link]:
    space = source.identity_space
    match message.type:
        case MessageType.IDENTIFY:
            return links_of_identify(message, space, _email_keys(mapping))
        case MessageType.ALIAS:
            return links_of_alias(message, space)
        case MessageType.GROUP:
            links = links_of_event(message, space, _email_keys(mapping), with_properties=False)
            return links + links_of_group(message, source, mapping)
        case _:
            is_track = message.type is MessageType.TRACK
            return links_of_event(message, space, _email_keys(mapping), with_properties=is_track)


def plan(
    message: Message,
    source: Source,
    destination: Destination,
    schema: PortalSchema,
    identity: Identity,
    waited_ms: int | None = None,
) -> Plan:
    """The plan of a message: operations, or a discard or hold; and the left-out fields with reasons.

    Units: `waited_ms` is how long the message has waited for its person; None while its cycle may still name the
    person.
    Errors: none, for any message that the receiver accepted.
    """
    planned = _plan(message, source, destination, schema, identity, waited_ms)
    if message.notes:
        planned.left_out = [*message.notes, *planned.left_out]
    return planned


def _plan(
    message: Message,
    source: Source,
    destination: Destination,
    schema: PortalSchema,
    identity: Identity,
    waited_ms: int | None,
) -> Plan:
    fate = refused(message, destination.mapping)
    if fate is not None:
        return Plan(fate=fate)
    book = rulebook(schema, destination)
    rules = book.rules
    by_cookie = waited_ms is not None and waited_ms >= destination.cookie_after_ms
    if rules is None:
        return _by_default(message, source, book, identity, by_cookie)
    if rules.has_skips and (fate := skipped(message, destination)) is not None:
        return Plan(fate=fate)
    if rules.has_takers:
        message = rules.without_taken(message)
    candidates = rules.writing.candidates(message.type, message.event)
    if not candidates.rules:
        return _by_default(message, source, book, identity, by_cookie)
    fields = candidates.fields(message, rules.sees_times)
    if candidates.takes_traits:
        fields[PERSON] = person_of(message, source, destination, identity)
    firing = firing_of(candidates, fields, book, source.is_public)
    default = _by_default(message, source, book, identity, by_cookie) if firing.has_default else None
    if default is not None and (not firing.rules or add_to_own(default, firing, fields)):
        return default
    is_over = waited_ms is not None and waited_ms >= destination.hold_ms
    return plan_by_rules(Targets(message, source, book, identity, fields, by_cookie), firing, default, is_over)


def _by_default(message: Message, source: Source, book: Rulebook, identity: Identity, by_cookie: bool) -> Plan:
    """The plan without rules."""
    event_planner = _EVENT_PLANNERS.get(message.type)
    if event_planner is not None:
        return event_planner(message, source, book, identity, by_cookie)
    return _PLANNERS[message.type](message, source, book, identity)


def skipped(message: Message, destination: Destination) -> Discard | None:
    """The discard of a `skip` rule, or None."""
    rule = rule_set(destination).skip_of(message) if destination.rules else None
    return None if rule is None else Discard(Reason.SKIPPED_BY_RULE, f"{rule.name}: {rule.skip}")
