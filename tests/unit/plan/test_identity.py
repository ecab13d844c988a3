"""Identity memory: who is who, whatever the order in which it is learnt."""

from __future__ import annotations

from hubwire.operation import Link
from hubwire.plan.identity import Identity, names_someone, pointer_targets

S = "server"


def known(*all_links: Link) -> Identity:
    identity = Identity()
    for link in all_links:
        identity.learn(link)
    return identity


def test_the_stronger_then_newer_then_greater_link_stays() -> None:
    assert (
        known(Link(S, "u:1", "weak@b.co", 1, 9), Link(S, "u:1", "a@b.co", 3, 1)).resolve(S, "1", None).email == "a@b.co"
    )
    assert (
        known(Link(S, "u:1", "new@b.co", 3, 2), Link(S, "u:1", "old@b.co", 3, 1)).resolve(S, "1", None).email
        == "new@b.co"
    )
    assert known(Link(S, "u:1", "b@b.co", 3, 1), Link(S, "u:1", "a@b.co", 3, 1)).resolve(S, "1", None).email == "b@b.co"


def test_learn_says_whether_something_changed() -> None:
    link = Link(S, "u:1", "a@b.co", 3, 1)
    identity = Identity({(S, "u:1"): link})
    assert not identity.learn(link)
    assert identity.changed == []
    newer = link._replace(at_ms=2)
    assert identity.learn(newer)
    assert identity.changed == [newer]


def test_an_anonymous_id_leads_to_its_user() -> None:
    identity = known(Link(S, "a:x", "@u:1", 3, 1), Link(S, "u:1", "a@b.co", 3, 1))
    assert identity.resolve(S, None, "x") == ("a@b.co", 3, ("a:x", "u:1"))


def test_another_user_of_a_device_is_not_its_owner() -> None:
    identity = known(Link(S, "a:x", "@u:1", 3, 1), Link(S, "u:1", "a@b.co", 3, 1))
    assert identity.resolve(S, "2", "x") == (None, 0, ("u:2", "a:x"))
    back = known(Link(S, "a:x", "@u:1", 3, 1), Link(S, "u:1", "a@b.co", 3, 1), Link(S, "u:2", "@a:x", 0, 2))
    assert back.resolve(S, "2", None).email is None


def test_a_user_inherits_what_an_anonymous_visitor_said_of_themselves() -> None:
    identity = known(Link(S, "a:x", "a@b.co", 3, 1), Link(S, "u:1", "@a:x", 0, 2), Link(S, "a:x", "@u:1", 0, 2))
    assert identity.resolve(S, "1", None) == ("a@b.co", 3, ("u:1", "a:x"))


def test_a_users_own_email_counts_for_more_than_one_from_another_id() -> None:
    identity = known(Link(S, "a:x", "a@b.co", 3, 9), Link(S, "a:x", "@u:1", 0, 10), Link(S, "u:1", "own@b.co", 1, 1))
    assert identity.resolve(S, "1", None)[:2] == ("own@b.co", 1)


def test_a_device_that_came_with_an_email_bequeaths_nothing() -> None:
    identity = known(Link(S, "a:x", "a@b.co", 3, 1), Link(S, "a:x", "@u:2", 3, 2), Link(S, "u:2", "own@b.co", 3, 2))
    assert [change.key for change in identity.changed] == ["a:x", "u:2"]


def test_an_identified_device_raises_the_strength_of_the_same_email() -> None:
    identity = known(Link(S, "u:1", "a@b.co", 2, 1), Link(S, "a:x", "a@b.co", 3, 1))
    assert identity.resolve(S, "1", "x").strength == 3


def test_an_email_as_user_id_stands_for_itself_unless_an_identify_said_otherwise() -> None:
    assert Identity().resolve(S, "A@b.co", None) == ("a@b.co", 1, ("u:A@b.co", "i:A@b.co"))
    identity = known(Link(S, "u:a@b.co", "new@b.co", 3, 1))
    assert identity.resolve(S, "a@b.co", None).email == "new@b.co"


def test_spaces_do_not_see_each_other() -> None:
    identity = known(Link("source:shop", "u:1", "a@b.co", 3, 1))
    assert identity.resolve(S, "1", None).email is None


def test_group_ids_lead_to_domains() -> None:
    identity = known(Link(S, "g:acme", "acme.com", 3, 1))
    assert identity.domain_of_group(S, "acme") == "acme.com"
    assert identity.domain_of_group(S, "other") is None
    assert identity.domain_of_group(S, None) is None


def test_pointer_targets_are_what_must_be_loaded_next() -> None:
    found = pointer_targets(
        [Link(S, "a:x", "@u:1", 3, 1), Link(S, "u:2", "@u:1", 0, 1), Link(S, "u:3", "a@b.co", 3, 1)]
    )
    assert found == [(S, "u:1"), (S, "u:1"), (S, "a:1"), (S, "i:2")]


def test_words_that_broken_code_sends_name_nobody() -> None:
    assert not any(names_someone(word) for word in ("null", "Undefined", "0", "[object Object]", " ", None))
    assert all(names_someone(word) for word in ("1", "user-1", "nullable", "a@b.co"))


def test_a_users_own_email_wins_over_a_device_with_another() -> None:
    identity = known(Link(S, "u:1", "a@b.co", 2, 1), Link(S, "a:x", "c@d.co", 3, 1))
    assert identity.resolve(S, "1", "x")[:2] == ("a@b.co", 2)
