"""`hubwire lists` and `hubwire who` show what is remembered of lists, subscriptions and forms."""

from __future__ import annotations

from tests.integration.ops.conftest import Shell

from hubwire.record.marketing import KnownList, Membership, Submission, SubmissionState
from hubwire.record.protocol import CycleOutcome, LaneState, Span

NOW_MS = 1_795_000_000_000
FORM = "1b2c3d4e-0000-4000-8000-1234567890ab"


def test_lists_forms_and_members_are_shown(shell: Shell) -> None:
    store = shell.store()
    assert "No rule has changed a list yet." in shell("lists").out
    lease = store.record.lease_lane(1, "a", NOW_MS, 60)
    assert lease is not None
    cycle_id = store.record.begin_cycle(
        lease, NOW_MS, Span(live_after=0, live_through=0, backfill_after=0, backfill_through=0)
    )
    outcome = CycleOutcome(
        cycle_id=cycle_id,
        lane=LaneState(),
        lists=[KnownList(key="vip", object="contact", list_id="7", name="VIP", size=3)],
        memberships=[Membership(list_key="vip", record_key="ann@acme.com", is_member=True, at_ms=NOW_MS)],
        submissions=[
            Submission(
                submission_id="s",
                content="c",
                form=FORM,
                email="ann@acme.com",
                state=SubmissionState.SEEN,
                at_ms=NOW_MS,
                sent_at_ms=NOW_MS,
            )
        ],
        ended_at_ms=NOW_MS,
    )
    store.record.commit_cycle(lease, outcome)
    store.record.release(lease)
    store.close()
    assert "VIP" in (all_lists := shell("lists").out)
    assert FORM in all_lists
    assert "delivered 1" in all_lists
    shown = shell("lists", "vip", "--json").json
    assert (shown["lists"][0]["member_count"], shown["changes"][0]["record_key"]) == (1, "ann@acme.com")
    [person] = shell("who", "ann@acme.com", "--json").json["marketing"]
    assert [membership["list_key"] for membership in person["memberships"]] == ["vip"]
    assert "vip" in shell("who", "ann@acme.com").out
