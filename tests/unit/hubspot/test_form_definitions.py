"""The forms and lists of a portal, read page by page; an answer of another shape gives none."""

from __future__ import annotations

import json

import pytest

from hubwire.hubspot.form_definitions import FormDefinition, forms_of
from hubwire.hubspot.lists import FoundList, found_lists

FIELDS = [
    {"objectTypeId": "0-1", "name": "email", "label": "E-mail"},
    {"objectTypeId": "0-2", "name": "name", "label": "Company"},
    {"name": "city"},
]


def test_the_fields_of_a_form_are_named_as_rules_name_them() -> None:
    form = {"id": "f1", "name": "Sign-up", "fieldGroups": [{"fields": FIELDS[:2]}, {"fields": FIELDS[2:]}]}
    body = json.dumps({"results": [form], "paging": {"next": {"after": "100"}}}).encode()
    fields = {"email": "E-mail", "company.name": "Company", "city": "city"}
    assert forms_of(body) == ([FormDefinition("f1", "Sign-up", fields)], "100")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"results": [1, {"name": "x"}], "paging": []}', b'{"results": null}'])
def test_an_answer_of_another_shape_has_no_forms(body: bytes) -> None:
    assert forms_of(body) == ([], None)


def test_a_search_of_lists_tells_whether_there_are_more() -> None:
    entry = {"listId": "7", "name": "VIP", "objectTypeId": "0-1", "processingType": "MANUAL"}
    body = json.dumps({"lists": [entry, {}], "hasMore": True}).encode()
    assert found_lists(body) == ([FoundList("7", "VIP", "0-1", "MANUAL", None)], False)
    assert found_lists(b"nonsense") == ([], True)
