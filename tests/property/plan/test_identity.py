"""Identity memory: who is who, whatever the order in which it is learnt."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.plan.test_identity import S, known

from hubwire.operation import Link
from hubwire.plan.identity import Identity

USERS, DEVICES, EMAILS = ["u:1", "u:2", "u:a@b.co"], ["a:x", "a:y", "a:1"], ["a@b.co", "c@d.co"]
MOMENTS = st.integers(0, 5)


def link(keys: list[str], targets: list[str], strengths: st.SearchStrategy[int]) -> st.SearchStrategy[Link]:
    return st.builds(Link, st.just(S), st.sampled_from(keys), st.sampled_from(targets), strengths, MOMENTS)


def pointers(keys: list[str]) -> list[str]:
    return [f"@{key}" for key in keys]


links = st.one_of(
    link([*USERS, *DEVICES], EMAILS, st.integers(1, 3)),
    link(USERS, pointers([*USERS, *DEVICES]), st.just(0)),
    link(DEVICES, pointers(USERS), st.integers(0, 3)),
).filter(lambda given_link: given_link.target != f"@{given_link.key}")
"""As messages teach them: a user's pointer comes from an alias, a device's from any call with both ids."""


def one_pointer_each(given: list[Link]) -> list[Link]:
    """The links without further pointers of the same id.

    One link is kept for an id: which of several pointers had led where before is not known for ever, and depends on
    the order of arrival.
    """
    first: dict[str, tuple[str, int]] = {}
    return [
        kept
        for kept in given
        if kept.target[0] != "@" or first.setdefault(kept.key, (kept.target, kept.strength)) == kept[2:4]
    ]


def link_lists(size: int) -> st.SearchStrategy[list[Link]]:
    return st.lists(links, max_size=size).map(one_pointer_each)


@given(link_lists(12), st.randoms(use_true_random=False))
def test_what_is_known_does_not_depend_on_the_order_of_learning(all_links: list[Link], rng: object) -> None:
    shuffled = list(all_links)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    identity, other = known(*all_links), known(*shuffled)
    assert given_links(identity) == given_links(other)


def given_links(identity: Identity) -> list[Link]:
    """What was learnt, without what follows from it."""
    return sorted(link for link in identity.changed if link.key[0] != "i")


@given(link_lists(8), st.randoms(use_true_random=False))
def test_one_persons_email_is_found_in_any_order_of_learning(all_links: list[Link], rng: object) -> None:
    theirs = [link if link.target[0] == "@" else link._replace(target="a@b.co") for link in all_links]
    shuffled = list(theirs)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    identity, other = known(*theirs), known(*shuffled)
    for user in (None, "1", "2", "a@b.co"):
        for device in (None, "x", "y"):
            assert identity.resolve(S, user, device).email == other.resolve(S, user, device).email


@given(link_lists(8), link_lists(8))
def test_links_of_the_record_and_of_the_cycle_meet_in_any_order(recorded: list[Link], learnt: list[Link]) -> None:
    record = {(x.space, x.key): x for x in known(*recorded).changed}
    first = Identity(record)
    later = known(*learnt)
    for link in learnt:
        first.learn(link)
    later.know(record)
    assert given_links(first) == given_links(later)
    assert first.resolve(S, "1", "x").email == later.resolve(S, "1", "x").email


@given(link_lists(15))
def test_circles_of_pointers_end(all_links: list[Link]) -> None:
    resolution = known(*all_links).resolve(S, "1", "x")
    assert len(resolution.keys) == len(set(resolution.keys))
    assert resolution.email is None or "@" in resolution.email[1:]


def test_an_email_reaches_a_user_with_several_other_ids_and_those_behind_them() -> None:
    aliases = [
        Link(S, "u:old", "@u:1", 0, 1), Link(S, "u:1", "@u:old", 0, 0),
        Link(S, "u:other", "@u:1", 0, 2), Link(S, "u:1", "@u:other", 0, 0),
        Link(S, "u:1", "@u:new", 0, 3), Link(S, "u:new", "@u:1", 0, 0),
    ]  # fmt: skip
    email = Link(S, "u:old", "a@b.co", 3, 9)
    for order in itertools.permutations([*aliases, email], 7):
        identity = known(*order)
        for user in ("old", "1", "other", "new"):
            assert identity.resolve(S, user, None)[:2] == ("a@b.co", 3)
