"""Operations on the rules of a destination: list, add, replace, change, remove, test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from hubwire.api import shapes
from hubwire.api.messages import named
from hubwire.api.operation import ApiRequest
from hubwire.api.registry import find_destination
from hubwire.decoding import merged
from hubwire.destination import Destination
from hubwire.errors import BadValue, Missing
from hubwire.manage.rules.changes import (
    check_in_portal,
    find_rule,
    save_rules,
    with_rule,
    without_rule,
)
from hubwire.manage.rules.defaults import default_rules
from hubwire.manage.rules.testing import RuleTest
from hubwire.plan.presets import preset_rules_of
from hubwire.rule import Rule


async def rules(request: ApiRequest) -> shapes.RulesAnswer:
    return _answer(request, await request.view.read(find_destination, request))


async def add_rule(request: ApiRequest) -> shapes.RulesAnswer:
    before = await request.view.read(find_destination, request)
    return await _save(request, before, with_rule(before.rules, _rule(request.body), position=request.body.position))


async def replace_rule(request: ApiRequest) -> shapes.RulesAnswer:
    before = await request.view.read(find_destination, request)
    return await _save(request, before, with_rule(before.rules, _rule(request.body), request.path["rule_name"]))


async def change_rule(request: ApiRequest) -> shapes.RulesAnswer:
    body: shapes.RuleChange = request.body
    before = await request.view.read(find_destination, request)
    rule = find_rule(before.rules, request.path["rule_name"])
    if body.enabled is not msgspec.UNSET:
        rule = msgspec.structs.replace(rule, enabled=body.enabled)
    position = None if body.position is msgspec.UNSET else body.position
    return await _save(request, before, with_rule(before.rules, rule, rule.name, position))


async def replace_rules(request: ApiRequest) -> shapes.RulesAnswer:
    before = await request.view.read(find_destination, request)
    return await _save(request, before, [_rule(body) for body in request.body.rules])


async def remove_rule(request: ApiRequest) -> None:
    before = await request.view.read(find_destination, request)
    await _save(request, before, without_rule(before.rules, request.path["rule_name"]))


async def test_rules(request: ApiRequest) -> RuleTest:
    body: shapes.RuleTestBody = request.body
    destination = await request.view.read(find_destination, request)
    if body.rule is not None:
        rule = _rule(body.rule)
        replaces = rule.name if any(known.name == rule.name for known in destination.rules) else None
        destination = msgspec.structs.replace(destination, rules=with_rule(destination.rules, rule, replaces))
        await check_in_portal(request.view.deps.contents, destination, destination.rules)
    message, source_id = body.message, None
    if message is None:
        message, source_id = await _stored(request, body.message_id)
    if source_id is None:
        source_id = named(request.view.deps.registry.sources(), "source", body.source)
    return await request.view.deps.rule_tester(destination, source_id, message)


async def _stored(request: ApiRequest, message_id: str | None) -> tuple[dict[str, Any], int]:
    if not message_id:
        raise BadValue("message", "give a message, or the message_id of a stored one")
    details = await request.view.read(request.view.deps.queries.message, message_id)
    if not details:
        raise Missing("message_id", f"there is no message {message_id!r}", value=message_id)
    return merged(details[0].body, details[0].envelope), details[0].summary.source_id


async def _save(request: ApiRequest, before: Destination, changed: Sequence[Rule]) -> shapes.RulesAnswer:
    view = request.view
    await check_in_portal(view.deps.contents, before, changed)
    return _answer(request, await view.read(save_rules, view.deps, view.viewer.name, before, changed))


def _rule(body: shapes.RuleBody) -> Rule:
    """A rule as it is stored."""
    return Rule(**{name: getattr(body, name) for name in Rule.__struct_fields__})


def _answer(request: ApiRequest, destination: Destination) -> shapes.RulesAnswer:
    rules = request.view.seen_rules(destination.rules)
    presets = list(preset_rules_of(destination))
    return shapes.RulesAnswer(rules=list(rules), preset_rules=presets, defaults=default_rules(destination))
