"""The people who own records, as the owners API shows them. A fresh portal has one (chosen)."""

from __future__ import annotations

import msgspec

BEGINNING = "2026-01-01T00:00:00.000Z"


class Owner(msgspec.Struct, rename="camel", kw_only=True):
    """One owner."""

    id: str
    email: str
    first_name: str = ""
    last_name: str = ""
    user_id: int
    type: str = "PERSON"
    created_at: str = BEGINNING
    updated_at: str = BEGINNING
    archived: bool = False
    teams: list[dict[str, str | bool]] = []


def default_owners() -> dict[str, Owner]:
    """The owners of a fresh portal, by id."""
    owner = Owner(id="1", email="owner@example.com", first_name="Olive", last_name="Owner", user_id=1001)
    return {owner.id: owner}
