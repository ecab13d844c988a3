"""The admin API's document is valid OpenAPI 3.1."""

from __future__ import annotations

from openapi_spec_validator import OpenAPIV31SpecValidator

from hubwire.api.openapi import document
from hubwire.api.table import OPERATIONS


def test_the_document_is_valid_openapi() -> None:
    described = document(OPERATIONS)
    assert described["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(described).iter_errors()) == []
