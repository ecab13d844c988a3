"""A documented trigger that Segment's package reads otherwise is refused, with a form that means one thing."""

from __future__ import annotations

import pytest

from hubwire.plan.rules import Reading, TriggerRefused, compile_trigger, refuse_two_meanings
from hubwire.plan.rules.triggers.readings import difference


@pytest.mark.parametrize(
    "trigger",
    [
        'type = "track"',
        'type = "track" and event = "Order Completed"',
        'type = "identify" or (type = "group" and traits.employees > 30)',
        'type = "track" and (properties.plan = "a" or contains(event, "b"))',
        'properties.plan != "free" and properties.seats >= 2',
        'match(event, "Order*")',
        "traits.email != null and traits.vip = true",
    ],
)
def test_a_trigger_that_means_one_thing_is_taken(trigger: str) -> None:
    refuse_two_meanings(trigger)


@pytest.mark.parametrize(
    ("trigger", "form"),
    [
        ("type = 'track'", 'type = "track"'),
        ('"track" = type', 'type = "track"'),
        ('type in ["track", "page"]', 'type = "track" or type = "page"'),
        ('match(event, "*Order*")', 'contains(event, "Order")'),
        ('match(event, "Order")', 'event = "Order"'),
        ("event = null", 'type != "track"'),
        ("properties.vip", "properties.vip = true"),
        ("!properties.vip", "properties.vip = false or properties.vip = null"),
        ('!(type = "track" and properties.n > 5)', 'type != "track" or properties.n <= 5'),
        ('!contains(properties.plan, "x")', 'properties.plan = null or !contains(properties.plan, "x")'),
        ('type = "page" or type = "track" and event = "A"', 'type = "page" or (type = "track" and event = "A")'),
        (
            'type = "track" and (contains(event, "A") or contains(event, "B"))',
            '(type = "track" and contains(event, "A")) or (type = "track" and contains(event, "B"))',
        ),
        ('event!="A"', 'event != "A"'),
        ('traits.email match "*@example.com"', 'match(traits.email, "*@example.com")'),
    ],
)
def test_a_refusal_offers_a_form_for_the_documented_meaning(trigger: str, form: str) -> None:
    found = difference(trigger)

    assert found is not None
    assert found.form == form
    assert difference(form) is None


@pytest.mark.parametrize(
    ("trigger", "form"),
    [
        ("properties.seats != 3", "properties.seats < 3 or properties.seats > 3"),
        ("userId = 7", 'userId = "7"'),
        ('type = "track" and anonymousId = "a"', 'type = "track"'),
        ("properties.a\\.b = 1", "properties.a.b = 1"),
    ],
)
def test_a_refusal_offers_a_form_for_what_the_package_does(trigger: str, form: str) -> None:
    found = difference(trigger)

    assert found is not None
    assert (found.form, found.package_form) == (None, form)
    assert difference(form) is None


def test_a_refusal_tells_both_readings_and_a_message_that_tells_them_apart() -> None:
    trigger = 'type = "track" and (contains(event, "A") or userId = "u")'

    with pytest.raises(TriggerRefused) as refused:
        refuse_two_meanings(trigger)

    message = str(refused.value)
    assert 'Documented: type = "track" and (contains(event, "A") or userId = "u").' in message
    assert 'The package: type = "track" or event is a text that contains "A" or userId = "u".' in message
    assert 'Only the package fires for identify with userId "u".' in message
    assert 'For the documented meaning write `type = "track" and (userId = "u" or contains(event, "A"))`.' in message


def test_the_example_is_a_message_for_which_the_readings_differ() -> None:
    trigger = 'properties.n != 5 and type = "track"'
    found = difference(trigger)

    assert found is not None
    assert found.example is not None
    documented, package = compile_trigger(trigger), compile_trigger(trigger, Reading.SEGMENT)
    assert documented.fires(found.example) is found.documented_fires
    assert package.fires(found.example) is not found.documented_fires


def test_too_many_fields_in_another_shape_count_as_two_meanings() -> None:
    trigger = " and ".join(f"(properties.p{number} = 1 or (properties.q{number} = 2))" for number in range(12))
    found = difference(trigger)

    assert found is not None
    assert "it never fires" in found.segment


def test_the_reading_of_segment_refuses_only_what_the_package_cannot_read() -> None:
    assert compile_trigger("type = 'track' AND nonsense", Reading.SEGMENT).fires({"type": "'track'"})
    with pytest.raises(TriggerRefused, match="cannot read it: character 6"):
        compile_trigger('event!="A"', Reading.SEGMENT)
