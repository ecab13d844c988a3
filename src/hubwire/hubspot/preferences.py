"""Communication preferences: request bodies, and reading of answers. Pure.

Source: HubSpot's OpenAPI (communication preferences v4 and dates). A batch of reads answers `statuses` by address, a
batch of writes one status for each input. Public code sends batches of 100; HubSpot documents no limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from hubwire.hubspot.reading import moment_ms
from hubwire.operation import SetSubscription

_encode = msgspec.json.Encoder().encode

PREFERENCES_PER_CALL = 100
MAX_NAMES, MAX_NAME = 500, 200


class HeldStatus(NamedTuple):
    """The state of one address for one subscription type at HubSpot. `at_ms` is None if HubSpot shows no time."""

    subscription_id: str
    state: str
    at_ms: int | None


def subscription_types(body: bytes) -> dict[str, str]:
    """The id of each subscription type, by its id and by its name without case. Inactive types are left out."""
    raw = _object(body)
    found: dict[str, str] = {}
    for entry in _entries(raw.get("results")) or _entries(raw.get("subscriptionDefinitions")):
        if entry.get("id") is not None and entry.get("isActive") is not False:
            number = str(entry["id"])
            found.setdefault(str(entry.get("name") or number).strip().casefold(), number)
            found[number] = number
    return found


def subscription_names(body: bytes) -> dict[str, str]:
    """The name of each subscription type by its id, for people; at most `MAX_NAMES`."""
    raw = _object(body)
    entries = _entries(raw.get("results")) or _entries(raw.get("subscriptionDefinitions"))
    names = {
        str(entry["id"]): str(entry["name"])[:MAX_NAME] for entry in entries if entry.get("id") and entry.get("name")
    }
    return dict(list(names.items())[:MAX_NAMES])


def set_status(operation: SetSubscription, subscription_id: str) -> bytes:
    """The body of one state."""
    return _encode(_status(operation, subscription_id))


def set_statuses(operations: Iterable[tuple[SetSubscription, str]]) -> bytes:
    """The body of a batch of states."""
    return _encode(
        {
            "inputs": [
                {**_status(operation, number), "subscriberIdString": operation.email}
                for operation, number in operations
            ]
        }
    )


def _status(operation: SetSubscription, subscription_id: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "subscriptionId": int(subscription_id) if subscription_id.isdecimal() else subscription_id,
        "statusState": operation.status,
        "channel": "EMAIL",
    }
    if operation.legal_basis is not None:
        body["legalBasis"] = operation.legal_basis
    if operation.explanation is not None:
        body["legalBasisExplanation"] = operation.explanation
    return body


def read_statuses(emails: Iterable[str]) -> bytes:
    """The body of a batch of reads."""
    return _encode({"inputs": list(emails)})


def statuses_of(body: bytes) -> dict[str, HeldStatus] | None:
    """The states in the answer about one address, by subscription type; None if the answer is not what HubSpot has."""
    raw = _object(body)
    if "results" not in raw:
        return None
    held = [_held(entry) for entry in _entries(raw["results"])]
    return {status.subscription_id: status for status in held if status is not None}


def statuses_by_email(body: bytes) -> dict[str, dict[str, HeldStatus]] | None:
    """The states in the answer to a batch, by lower-cased address and subscription type."""
    raw = _object(body)
    if "results" not in raw:
        return None
    found: dict[str, dict[str, HeldStatus]] = {}
    for entry in _entries(raw["results"]):
        states = found.setdefault(str(entry.get("subscriberIdString") or "").lower(), {})
        for part in _entries(entry.get("statuses")) or [entry]:
            status = _held(part)
            if status is not None:
                states[status.subscription_id] = status
    return found


def _held(entry: Mapping[str, Any]) -> HeldStatus | None:
    if entry.get("subscriptionId") is None or not isinstance(entry.get("status"), str):
        return None
    at = entry.get("timestamp")
    return HeldStatus(str(entry["subscriptionId"]), entry["status"], moment_ms(at) if isinstance(at, str) else None)


def _entries(raw: object) -> list[dict[str, Any]]:
    return [entry for entry in raw if isinstance(entry, dict)] if isinstance(raw, list) else []


def _object(body: bytes) -> dict[str, Any]:
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}
