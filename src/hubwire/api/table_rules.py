"""The operations on rules, as a table."""

from __future__ import annotations

from hubwire.api import rules, shapes
from hubwire.api.operation import ApiOperation
from hubwire.manage.rules.testing import RuleTest
from hubwire.registry.access import Role

VIEW, OPERATE, ADMIN = Role.VIEW, Role.OPERATE, Role.ADMIN

RULE_OPERATIONS: tuple[ApiOperation, ...] = (
    ApiOperation(
        name="list-rules",
        method="GET",
        path="/destinations/{destination_id}/rules",
        summary="The rules of a destination, and its default behaviour listed as rules.",
        role=VIEW,
        handler=rules.rules,
        answer=shapes.RulesAnswer,
        tag="rules",
        statuses=(404,),
    ),
    ApiOperation(
        name="add-rule",
        method="POST",
        path="/destinations/{destination_id}/rules",
        summary="Add a rule, last or at a position.",
        role=ADMIN,
        handler=rules.add_rule,
        body=shapes.NewRule,
        answer=shapes.RulesAnswer,
        status=201,
        tag="rules",
        statuses=(404, 409),
    ),
    ApiOperation(
        name="replace-rules",
        method="PUT",
        path="/destinations/{destination_id}/rules",
        summary="Replace all rules of a destination; their order is the new order.",
        role=ADMIN,
        handler=rules.replace_rules,
        body=shapes.RulesBody,
        answer=shapes.RulesAnswer,
        tag="rules",
        statuses=(404,),
    ),
    ApiOperation(
        name="test-rules",
        method="POST",
        path="/destinations/{destination_id}/rules/test",
        summary="Test the rules, or an unsaved one, with a message: which fire, each value, and what would be sent.",
        role=OPERATE,
        handler=rules.test_rules,
        body=shapes.RuleTestBody,
        answer=RuleTest,
        tag="rules",
        statuses=(404,),
    ),
    ApiOperation(
        name="replace-rule",
        method="PUT",
        path="/destinations/{destination_id}/rules/{rule_name:path}",
        summary="Replace a rule in its place. The body may give it a new name.",
        role=ADMIN,
        handler=rules.replace_rule,
        body=shapes.RuleBody,
        answer=shapes.RulesAnswer,
        tag="rules",
        statuses=(404, 409),
    ),
    ApiOperation(
        name="change-rule",
        method="PATCH",
        path="/destinations/{destination_id}/rules/{rule_name:path}",
        summary="Turn a rule on or off, or move it to another position.",
        role=ADMIN,
        handler=rules.change_rule,
        body=shapes.RuleChange,
        answer=shapes.RulesAnswer,
        tag="rules",
        statuses=(404,),
    ),
    ApiOperation(
        name="remove-rule",
        method="DELETE",
        path="/destinations/{destination_id}/rules/{rule_name:path}",
        summary="Remove a rule.",
        role=ADMIN,
        handler=rules.remove_rule,
        status=204,
        tag="rules",
        statuses=(404,),
    ),
)
