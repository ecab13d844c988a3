"""The pages on running Hubwire: their examples are run, and the names in them exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
from tests.docs.pages import DOCS, blocks
from tests.unit.backfill.conftest import read_all

from hubwire.backends.store import open_store
from hubwire.clock import SystemClock
from hubwire.destination import Destination, Mapping, Source
from hubwire.manage.apply import apply_changes, plan_changes
from hubwire.manage.tables import DestinationTable, RulesTable, SourceTable, read_desired
from hubwire.monitoring.alert_tellers import webhook_body
from hubwire.monitoring.alerts import AlertState, Notice
from hubwire.monitoring.metrics import METRICS
from hubwire.registry.protocol import Registry, WriteKey
from hubwire.secret import Secret
from hubwire.settings import Settings

FILE_PAGE = (DOCS / "how-to" / "configure-in-a-file.md").read_text(encoding="utf-8")
WATCH_PAGE = (DOCS / "how-to" / "watch-it.md").read_text(encoding="utf-8")
BACKFILL_PAGE = (DOCS / "how-to" / "backfill.md").read_text(encoding="utf-8")


def block(text: str, language: str) -> str:
    return next(change.text for change in blocks(text) if change.language == language)


class Plainly:
    """Changes without an audit log."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def save_source(self, source: Source) -> Source:
        return self._registry.save_source(source)

    def add_write_key(self, source_id: int, text: str | None = None) -> WriteKey:
        return self._registry.add_write_key(source_id, Secret(text or "wk_made"))

    def save_destination(self, destination: Destination) -> Destination:
        return self._registry.save_destination(destination)

    def set_token(self, destination_id: int, token: Secret) -> None:
        self._registry.set_token(destination_id, token)


def test_the_file_of_the_page_is_applied_and_then_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "hubwire.toml"
    file.write_text(block(FILE_PAGE, "toml"))
    desired = read_desired(file)
    environment = {"BACKEND_WRITE_KEY": "a-write-key", "HUBSPOT_ACCESS_TOKEN": "pat-na1-x"}
    template = Destination(destination_id=0, name="")
    store = open_store(Settings(data=str(tmp_path)), SystemClock(), appends=False)
    steps = plan_changes(desired, store.registry, environment, template)
    apply_changes(steps, store.registry, Plainly(store.registry), lambda change, _: change)
    [hubspot] = store.registry.destinations().values()
    assert hubspot.mapping.contact == {"favColor": "favorite_color", "ssn": None}
    assert len(hubspot.source_ids or ()) == 2
    again = plan_changes(desired, store.registry, environment, template)
    assert {step.change.action for step in again} == {"nothing"}
    store.close()


def test_every_key_of_a_table_stands_on_the_page_and_no_other() -> None:
    for heading, shapes in (
        ("The keys of a source", (SourceTable,)),
        ("The keys of a destination", (DestinationTable, RulesTable)),
    ):
        part = FILE_PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
        named = set(re.findall(r"`([a-z_]+)`", part)) - {"site", "registrable"}
        assert named == {name for shape in shapes for name in shape.__struct_fields__}
    assert set(RulesTable.__struct_fields__) == set(Mapping.__struct_fields__)


def test_the_webhooks_example_is_what_is_sent() -> None:
    shown = json.loads(block(WATCH_PAGE, "json"))
    on_registry_change = Notice(
        key=shown["alert"],
        state=AlertState(shown["state"]),
        title=shown["title"],
        said=shown["said"],
        remedy=shown["remedy"],
        since_ms=1_790_000_000_000,
        at_ms=1_790_000_030_000,
    )
    assert msgspec.to_builtins(webhook_body(on_registry_change)) == shown


def test_the_metrics_and_settings_that_the_page_names_exist() -> None:
    named = set(re.findall(r"\bhubwire_[a-z_]+\b", WATCH_PAGE))
    assert named
    assert named <= {change.name for change in METRICS}
    settings = set(re.findall(r"`(alert_[a-z_]+)`", WATCH_PAGE))
    assert settings <= set(Settings.__struct_fields__)
    limits = {name for name in Settings.__struct_fields__ if name.startswith("alert_") and "_to" not in name}
    shown = settings | {"alert_webhook_url", "alert_webhook_secret", "alert_email_from"}
    assert limits <= shown


def test_the_people_of_the_page_are_read(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(block(BACKFILL_PAGE, "csv"), encoding="utf-8")
    [message] = read_all(str(path)).messages
    del message["messageId"]
    assert message == {
        "type": "identify",
        "userId": "user1234",
        "timestamp": "2024-03-05T10:00:00.000Z",
        "traits": {
            "email": "peter@example.com",
            "firstname": "Peter",
            "plan": "gold",
            "address": {"city": "Houston"},
        },
    }
