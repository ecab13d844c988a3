"""The drawing of a person's ids and records."""

from __future__ import annotations

from hubwire.console.parts.id_graph import MAX_ROWS, id_graph
from hubwire.record.statistics import KnownLink, KnownRecord


def link(key: str, target: str) -> KnownLink:
    return KnownLink(space="server", key=key, target=target, strength=3, at_ms=1)


def record(key: str, associated: tuple[str, ...] = ()) -> KnownRecord:
    return KnownRecord(
        destination_id=1,
        kind="contact",
        key=key,
        record_id="51",
        confirmed_at_ms=1,
        properties={},
        associated=associated,
    )


def test_ids_lead_to_the_address_and_on_to_record_and_company() -> None:
    drawn = id_graph(
        [link("u:u1", "paula@example.org"), link("a:anon-1", "@u:u1")], [record("paula@example.org", ("x.example",))]
    )
    assert drawn is not None
    assert {(node.name, node.x) for node in drawn.nodes} == {
        ("anon-1", 0.0),
        ("u1", 20.5),
        ("paula@example.org", 41.0),
        ("contact 51", 61.5),
        ("x.example", 82.0),
    }
    assert len(drawn.edges) == 4
    assert drawn.words.startswith("u1 to paula@example.org; anon-1 to u1")
    assert all(0 <= node.x <= 82 and 0 <= node.y < drawn.height for node in drawn.nodes)


def test_two_user_ids_of_one_person_are_connected_and_unused_columns_are_left_out() -> None:
    drawn = id_graph([link("u:new", "paula@example.org"), link("u:old", "paula@example.org")], [])
    assert drawn is not None
    assert [words for _, words in drawn.headings] == ["userId, groupId", "e-mail, domain"]
    assert len(drawn.edges) == 2


def test_many_ids_are_counted_and_nothing_to_connect_draws_nothing() -> None:
    drawn = id_graph([link(f"a:anon-{n}", "paula@example.org") for n in range(MAX_ROWS + 3)], [])
    assert drawn is not None
    assert (drawn.more, len(drawn.edges)) == (3, MAX_ROWS)
    assert id_graph([], []) is None
