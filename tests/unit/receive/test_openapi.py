"""The API document: valid, whole, and the page that is made of it is current."""

from __future__ import annotations

from pathlib import Path

from tests.unit.receive.harness import Receiver

from hubwire.receive.app import ReceiveApp
from hubwire.receive.openapi import document, reference

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "tracking-api.md"


async def test_the_document_is_served() -> None:
    receiver = Receiver()
    answer = await receiver.ask("GET", "/v1/openapi.json")
    assert answer.status == 200
    assert answer.json == document()
    assert (await receiver.ask("POST", "/v1/openapi.json")).status == 405


def test_every_path_of_the_document_is_handled_with_and_without_slash() -> None:
    for path in document()["paths"]:
        assert ReceiveApp.handles({"path": path, "method": "GET", "headers": []})
        assert ReceiveApp.handles({"path": f"{path}/", "method": "GET", "headers": []}) or path.endswith(".json")


def test_operation_ids_are_unique() -> None:
    ids = [part["operationId"] for path in document()["paths"].values() for part in path.values()]
    assert len(ids) == len(set(ids))


def test_the_reference_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "run: python -m hubwire.receive.openapi > " + PAGE.name
