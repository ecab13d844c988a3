"""The requests of a dry run for lists, subscriptions and forms, with marks in place of ids that only HubSpot knows."""

from __future__ import annotations

from hubwire.deliver.cycle.marketing_work import MarketingWork
from hubwire.deliver.steps.marketing.change_members import members_call
from hubwire.deliver.steps.marketing.forms import submit_call
from hubwire.deliver.steps.marketing.subscriptions import status_call
from hubwire.hubspot.call import Call
from hubwire.hubspot.paths import Paths
from hubwire.operation import ALL_SUBSCRIPTIONS


def marketing_calls(work: MarketingWork, paths: Paths, hub_id: str) -> list[Call]:
    """The requests that change something, in sending order. Requests that find lists or read states are left out."""
    members: dict[str, tuple[list[str], list[str]]] = {}
    for (list_key, object_type, key), desired in work.memberships.items():
        add, remove = members.setdefault(list_key, ([], []))
        (add if desired.operation.is_member else remove).append(f"<{object_type} {key}>")
    calls = []
    for list_key, (add, remove) in members.items():
        list_id = list_key if list_key.isdecimal() else "LIST_ID"
        calls.append(members_call(paths.members(list_id), add, remove))
    for (_, subscription), state in work.subscriptions.items():
        number = subscription if subscription.isdecimal() or subscription == ALL_SUBSCRIPTIONS else "SUBSCRIPTION_ID"
        calls.append(status_call(paths, state.operation, number))
    calls += [submit_call(hub_id, operation, operation.context) for operation in work.submissions]
    return calls
