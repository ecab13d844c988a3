"""What waits for whom, and what has nobody to wait for."""

from __future__ import annotations

import msgspec
import pytest

from hubwire.decoding import read_message
from hubwire.destination import Destination, Source
from hubwire.message import JournalRow
from hubwire.operation import Discard, Hold
from hubwire.plan import Identity, plan
from hubwire.plan.default_portal import default_portal
from hubwire.reasons import Reason

SOURCE = Source(source_id=1, name="server")
DESTINATION = Destination(destination_id=1, name="hubspot", hub_id="1")


def fate_of(fields: dict[str, object]) -> Discard | Hold | None:
    row = JournalRow(1, 1, "m1", 0, msgspec.json.encode({"userId": "7", **fields}), None, False, None)
    return plan(read_message(row), SOURCE, DESTINATION, default_portal("1"), Identity()).fate


def test_a_group_without_website_waits_for_one_of_its_group() -> None:
    fate = fate_of({"type": "group", "groupId": "acme"})
    assert fate == Hold(Reason.UNKNOWN_COMPANY, ("server|g:acme",), "", Reason.GROUP_WITHOUT_WEBSITE)


def test_a_website_that_is_none_is_named_while_it_waits_and_at_the_end() -> None:
    fate = fate_of({"type": "group", "groupId": "acme", "traits": {"website": "localhost"}})
    assert fate == Hold(Reason.UNKNOWN_COMPANY, ("server|g:acme",), "website: 'localhost'", Reason.INVALID_WEBSITE)


@pytest.mark.parametrize("group_id", ["null", "undefined", "0"])
def test_a_group_that_can_be_nobodys_waits_for_nothing(group_id: str) -> None:
    fate = fate_of({"type": "group", "groupId": group_id, "traits": {"website": "localhost"}})
    assert fate == Discard(Reason.INVALID_WEBSITE, "website: 'localhost'")


def test_a_track_of_ids_that_can_be_nobodys_waits_for_nothing() -> None:
    fate = fate_of({"type": "track", "event": "Bought", "userId": "null"})
    assert isinstance(fate, Discard)
    assert fate.reason is Reason.NEVER_IDENTIFIED
