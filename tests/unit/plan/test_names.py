"""Keys and labels as HubSpot names."""

from __future__ import annotations

import pytest

from hubwire.plan.conversion.names import compressed, event_name, normalised


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("yOlO", "yolo"),
        ("gogurts are\tlife\rand\vgood\ntoday\fhorray", "gogurts_are_life_and_good_today_horray"),
        ("gogurts.are.life", "gogurts_are_life"),
        ("A  B", "a__b"),
        ("A-B", "a-b"),
        ("é É", "é_é"),
        (" plan ", "plan"),
    ],
)
def test_keys_are_normalised_as_the_classic_destination_does(key: str, name: str) -> None:
    assert normalised(key) == name


def test_spellings_of_one_special_field_are_one() -> None:
    assert {compressed(key) for key in ("firstName", "first_name", "First Name", "FIRST-NAME", "first.name")} == {
        "firstname"
    }


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Order Completed", "order_completed"),
        ("Clicked: Buy -- Now!", "clicked_buy_now"),
        ("order_completed", "order_completed"),
        ("3D Viewed", "event_3d_viewed"),
        ("Café", "cafe"),
        ("!!!", None),
        ("", None),
    ],
)
def test_event_names(label: str, name: str | None) -> None:
    assert event_name(label) == name


def test_labels_that_lose_letters_do_not_become_one_event() -> None:
    assert event_name("購入 A") != event_name("閲覧 A")
    assert event_name("x" * 200) != event_name("x" * 201)
    assert event_name("🍱") not in (None, event_name("🎉"))
