"""Trait rules: which property a key writes."""

from __future__ import annotations

import pytest

from hubwire.plan.conversion.trait_rules import COMPANY, CONTACT, MAX_REMEMBERED, TraitRules
from hubwire.plan.default_portal import default_portal
from hubwire.schema import PropertyDefinition

SCHEMA = default_portal("123")


def contact_rules(*names: str, **mapping: str | None) -> TraitRules:
    return TraitRules(CONTACT, SCHEMA.contact | {name: PropertyDefinition(name) for name in names}, mapping, "traits")


@pytest.mark.parametrize(
    ("key", "name", "rule"),
    [
        ("firstName", "firstname", "standard:firstName"),
        ("First Name", "firstname", "standard:firstName"),
        ("job_title", "jobtitle", "standard:jobTitle"),
        ("title", "jobtitle", "standard:title"),
        ("company.name", "company", "standard:companyName"),
        ("address.postal_code", "zip", "address.postalCode"),
        ("life cycle stage", "lifecyclestage", "lifecycle"),
        ("salutation", "salutation", "custom"),
    ],
)
def test_special_fields_in_any_spelling(key: str, name: str, rule: str) -> None:
    target = contact_rules().rule(key).target
    assert target is not None
    assert (target.property, target.rule) == (name, rule)


def test_a_portals_own_title_is_not_the_job_title() -> None:
    target = contact_rules("title").rule("title").target
    assert target is not None
    assert target.property == "title"


def test_created_at_is_read_only_unless_the_portal_has_its_own() -> None:
    left_out = contact_rules().rule("createdAt").left_out
    assert left_out is not None
    assert left_out.reason.value == "read-only-property"
    target = contact_rules("created_at").rule("created_at").target
    assert target is not None
    assert target.property == "created_at"


def test_position_never_fills_a_property_of_its_own_name() -> None:
    rule = contact_rules("position").rule("position")
    assert rule.target is not None
    assert (rule.target.property, rule.also) == ("jobtitle", None)


def test_a_mapping_wins_over_special_fields() -> None:
    target = contact_rules(firstName="salutation").rule("firstName").target
    assert target is not None
    assert (target.property, target.rule) == ("salutation", "mapping")
    left_out = contact_rules(firstName=None).rule("firstName").left_out
    assert left_out is not None
    assert left_out.reason.value == "ignored-by-mapping"


def test_the_email_is_never_written_as_a_trait() -> None:
    for key in ("email", "EMAIL", "e.mail", " email "):
        assert contact_rules().rule(key).target is None


@pytest.mark.parametrize("key", ["hubwire_domain", "Hubwire Domain", "hubwire-domain", "x"])
def test_a_key_of_our_own_is_neither_written_nor_created(key: str) -> None:
    rules = TraitRules(COMPANY, SCHEMA.company, {"x": "hubwire_domain"}, "traits")
    left_out = rules.rule(key).left_out
    assert left_out is not None
    assert left_out.reason.value == "read-only-property"


def test_group_traits() -> None:
    rules = TraitRules(COMPANY, SCHEMA.company, {}, "traits")
    target = rules.rule("employees").target
    assert target is not None
    assert target.property == "numberofemployees"
    assert rules.rule("domain") == (None, None, None, None, False)


def test_hostile_keys_do_not_fill_the_memory() -> None:
    rules = contact_rules()
    for index in range(MAX_REMEMBERED + 10):
        rules.rule(f"k{index}")
    rules.rule("x" * 10_000)
    assert len(rules.known) <= MAX_REMEMBERED
    assert "x" * 10_000 not in rules.known
