"""The credentials of the change journal, which share a sealed column with the destination's token."""

from __future__ import annotations

import pytest
from tests.backends import Backend

from hubwire.backends.sql.registry import SqlRegistry
from hubwire.clock import FakeClock
from hubwire.destination import Destination
from hubwire.errors import SettingsError
from hubwire.registry.vault import Vault
from hubwire.secret import Secret

TOKEN, APP = Secret("pat-na1-x"), Secret('{"client_id":"a","client_secret":"hush"}')
OLD_KEY, NEW_KEY = bytes(32), bytes(range(32))


def registry_of(backend: Backend, *keys: bytes) -> SqlRegistry:
    return SqlRegistry(backend.database, Vault(keys), FakeClock())


def test_token_and_credentials_are_set_and_removed_on_their_own(backend: Backend) -> None:
    registry = registry_of(backend, OLD_KEY)
    destination_id = registry.save_destination(Destination(destination_id=0, name="hubspot")).destination_id

    def secrets() -> tuple[Secret | None, Secret | None]:
        return registry.token(destination_id), registry.journal_app(destination_id)

    assert secrets() == (None, None)
    registry.set_journal_app(destination_id, APP)
    assert secrets() == (None, APP)
    registry.set_token(destination_id, TOKEN)
    assert secrets() == (TOKEN, APP)
    registry.set_token(destination_id, None)
    assert secrets() == (None, APP)
    registry.set_token(destination_id, TOKEN)
    registry.set_journal_app(destination_id, None)
    assert secrets() == (TOKEN, None)
    assert registry.journal_app(destination_id + 1) is None


def test_both_are_sealed_follow_a_rotation_and_give_way_when_the_key_is_lost(backend: Backend) -> None:
    registry = registry_of(backend, OLD_KEY)
    destination_id = registry.save_destination(Destination(destination_id=0, name="hubspot")).destination_id
    registry.set_token(destination_id, TOKEN)
    registry.set_journal_app(destination_id, APP)
    [sealed] = backend.database.connection.execute("SELECT sealed_token FROM destination").fetchone()
    assert b"hush" not in bytes(sealed)
    assert registry_of(backend, NEW_KEY, OLD_KEY).reseal() == 1
    rotated = registry_of(backend, NEW_KEY)
    assert (rotated.token(destination_id), rotated.journal_app(destination_id)) == (TOKEN, APP)
    with pytest.raises(SettingsError, match="encrypted with another key"):
        registry.journal_app(destination_id)
    registry.set_token(destination_id, TOKEN)
    assert (registry.token(destination_id), registry.journal_app(destination_id)) == (TOKEN, None)
