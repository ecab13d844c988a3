"""Identity memory: who is who, whatever the order in which it is learnt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.plan.test_identity import S, known

from hubwire.operation import Link
from hubwire.plan.identity import Identity

KEYS = ["u:1", "u:2", "u:a@b.co", "a:x", "a:y", "a:1", "g:acme"]


TARGETS = ["a@b.co", "c@d.co", "@u:1", "@u:2", "@a:x", "@a:y", "@u:a@b.co"]


links = st.builds(
    Link, st.just(S), st.sampled_from(KEYS), st.sampled_from(TARGETS), st.integers(0, 3), st.integers(0, 5)
)


@given(st.lists(links, max_size=12), st.randoms(use_true_random=False))
def test_what_is_known_does_not_depend_on_the_order_of_learning(all_links: list[Link], rng: object) -> None:
    shuffled = list(all_links)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = known(*all_links), known(*shuffled)
    assert given_links(one) == given_links(other)


def given_links(identity: Identity) -> list[Link]:
    """What was learnt, without what follows from it."""
    return sorted(link for link in identity.changed if link.key[0] != "i")


@given(st.lists(links, max_size=8), st.randoms(use_true_random=False))
def test_one_persons_email_is_found_in_any_order_of_learning(all_links: list[Link], rng: object) -> None:
    theirs = [one if one.target[0] == "@" else one._replace(target="a@b.co") for one in all_links]
    shuffled = list(theirs)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = known(*theirs), known(*shuffled)
    for user in (None, "1", "2", "a@b.co"):
        for device in (None, "x", "y"):
            assert one.resolve(S, user, device).email == other.resolve(S, user, device).email


@given(st.lists(links, max_size=8), st.lists(links, max_size=8))
def test_links_of_the_record_and_of_the_cycle_meet_in_any_order(recorded: list[Link], learnt: list[Link]) -> None:
    record = {(x.space, x.key): x for x in known(*recorded).changed}
    first = Identity(record)
    later = known(*learnt)
    for link in learnt:
        first.learn(link)
    later.know(record)
    assert sorted(first.changed) == sorted(later.changed)
    assert first.resolve(S, "1", "x") == later.resolve(S, "1", "x")


@given(st.lists(links, max_size=15))
def test_circles_of_pointers_end(all_links: list[Link]) -> None:
    resolution = known(*all_links).resolve(S, "1", "x")
    assert len(resolution.keys) == len(set(resolution.keys))
    assert resolution.email is None or "@" in resolution.email[1:]
