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
    one = registry.save_destination(Destination(destination_id=0, name="hubspot")).destination_id

    def secrets() -> tuple[Secret | None, Secret | None]:
        return registry.token(one), registry.journal_app(one)

    assert secrets() == (None, None)
    registry.set_journal_app(one, APP)
    assert secrets() == (None, APP)
    registry.set_token(one, TOKEN)
    assert secrets() == (TOKEN, APP)
    registry.set_token(one, None)
    assert secrets() == (None, APP)
    registry.set_token(one, TOKEN)
    registry.set_journal_app(one, None)
    assert secrets() == (TOKEN, None)
    assert registry.journal_app(one + 1) is None


def test_both_are_sealed_follow_a_rotation_and_give_way_when_the_key_is_lost(backend: Backend) -> None:
    registry = registry_of(backend, OLD_KEY)
    one = registry.save_destination(Destination(destination_id=0, name="hubspot")).destination_id
    registry.set_token(one, TOKEN)
    registry.set_journal_app(one, APP)
    [sealed] = backend.database.connection.execute("SELECT sealed_token FROM destination").fetchone()
    assert b"hush" not in bytes(sealed)
    assert registry_of(backend, NEW_KEY, OLD_KEY).reseal() == 1
    rotated = registry_of(backend, NEW_KEY)
    assert (rotated.token(one), rotated.journal_app(one)) == (TOKEN, APP)
    with pytest.raises(SettingsError, match="encrypted with another key"):
        registry.journal_app(one)
    registry.set_token(one, TOKEN)
    assert (registry.token(one), registry.journal_app(one)) == (TOKEN, None)
