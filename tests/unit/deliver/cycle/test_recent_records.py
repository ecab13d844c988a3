"""Contacts that are new in HubSpot, by domain."""

from __future__ import annotations

from hubwire.deliver.cycle.recent_records import MAX_DOMAINS, MAX_PER_DOMAIN, SEARCH_LAG_MS, RecentContacts

NOW_MS = 1_000_000


def test_a_contact_counts_for_its_domain_and_those_above_for_a_minute() -> None:
    recent = RecentContacts()
    recent.note("ada@mail.acme.com", "1", NOW_MS, NOW_MS)
    assert [recent.of_domain(domain, NOW_MS + 1) for domain in ("mail.acme.com", "acme.com", "com")] == [
        ["1"],
        ["1"],
        [],
    ]
    assert recent.of_domain("acme.com", NOW_MS + SEARCH_LAG_MS) == []


def test_an_old_contact_and_one_of_unknown_age_are_not_new() -> None:
    recent = RecentContacts()
    recent.note("ada@acme.com", "1", NOW_MS - SEARCH_LAG_MS, NOW_MS)
    recent.note("bob@acme.com", "2", None, NOW_MS)
    assert recent.of_domain("acme.com", NOW_MS) == []


def test_a_later_answer_about_a_contact_makes_it_no_newer() -> None:
    recent = RecentContacts()
    recent.note("ada@acme.com", "1", NOW_MS, NOW_MS)
    recent.note("ada@acme.com", "1", NOW_MS + 500, NOW_MS + 500)
    assert recent.of_domain("acme.com", NOW_MS + SEARCH_LAG_MS) == []


def test_the_newest_domains_and_their_first_contacts_stay() -> None:
    recent = RecentContacts()
    for number in range(MAX_DOMAINS + 1):
        recent.note(f"ada@d{number}.com", str(number), NOW_MS, NOW_MS)
    for number in range(MAX_PER_DOMAIN + 1):
        recent.note(f"p{number}@acme.com", str(number), NOW_MS, NOW_MS)
    assert recent.of_domain("d0.com", NOW_MS) == []
    assert recent.of_domain("acme.com", NOW_MS) == [str(number) for number in range(MAX_PER_DOMAIN)]


def test_many_contacts_of_a_domain_delay_its_company_no_longer_than_the_first() -> None:
    recent = RecentContacts()
    for number in range(100):
        recent.note(f"p{number}@acme.com", str(number), NOW_MS + 500 * number, NOW_MS + 500 * number)
    assert recent.first_ms("acme.com", NOW_MS + 50_000) == NOW_MS
    later_ms = NOW_MS + SEARCH_LAG_MS
    recent.note("late@acme.com", "late", later_ms, later_ms)
    assert recent.first_ms("acme.com", later_ms) == NOW_MS + 500
    assert recent.first_ms("other.com", NOW_MS) is None


def test_a_contact_from_a_clock_that_is_ahead_is_no_newer_than_now() -> None:
    recent = RecentContacts()
    recent.note("ada@acme.com", "1", NOW_MS + 3_600_000, NOW_MS)
    assert recent.first_ms("acme.com", NOW_MS) == NOW_MS
    assert recent.of_domain("acme.com", NOW_MS + SEARCH_LAG_MS) == []
