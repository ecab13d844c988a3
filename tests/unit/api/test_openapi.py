"""The document describes every operation, and so does the reference page."""

from __future__ import annotations

from typing import Any

import pytest

from hubwire.api.openapi import document, reference
from hubwire.api.table import OPERATIONS


@pytest.fixture(scope="module")
def described() -> Any:
    return document(OPERATIONS)


def test_every_operation_is_described_once(described: Any) -> None:
    found = [(path, method) for path, methods in described["paths"].items() for method in methods]
    assert len(found) == len(OPERATIONS)
    ids = [operation["operationId"] for methods in described["paths"].values() for operation in methods.values()]
    assert len(set(ids)) == len(ids)


def test_path_values_are_described(described: Any) -> None:
    for path, methods in described["paths"].items():
        for operation in methods.values():
            names = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
            assert names == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_tokens_only_go_in(described: Any) -> None:
    for path, methods in described["paths"].items():
        for operation in methods.values():
            answer = str(operation["responses"].get("200", "")) + str(operation["responses"].get("201", ""))
            assert "TokenBody" not in answer, path


def test_the_reference_page_names_every_operation() -> None:
    page = reference(OPERATIONS)
    for operation in OPERATIONS:
        assert operation.summary in page
    assert page.count("\n### `") == len(OPERATIONS)
