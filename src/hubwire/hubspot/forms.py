"""Form submissions: the request body, and the errors of an answer. Pure.

Source: HubSpot, "Submit data to a form (authenticated)": up to 1,000 fields, `submittedAt` at most a month old, errors
in `errors[].errorType`. Forms have a host and a limit of their own: 100 submissions in 10 s, more in higher tiers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from hubwire.object_types import standard_type
from hubwire.operation import SubmitForm

_encode = msgspec.json.Encoder().encode

OLDEST_SUBMISSION_MS = 30 * 86_400_000
"""HubSpot refuses submissions that are older than a month; a day is left for the delivery."""
CAPTCHA = "FORM_HAS_RECAPTCHA_ENABLED"
OF_CONTEXT = {"INVALID_HUTK": "hutk", "INVALID_IP_ADDRESS": "ipAddress", "INVALID_PAGE_URI": "pageUri"}
"""Errors about a part of the context, which the form can be submitted without."""
HOSTS = {"eu1": "https://api-eu1.hsforms.com"}
"""Hosts by region. Public integrations use the one for eu1; HubSpot documents none for the other regions."""
DEFAULT_HOST = "https://api.hsforms.com"


class FormFault(NamedTuple):
    """One error of a submission, with HubSpot's word for its type."""

    error_type: str
    message: str


def submit_path(hub_id: str, form: str) -> str:
    """The path of authenticated submissions. It has no dated version."""
    return f"/submissions/v3/integration/secure/submit/{hub_id}/{form}"


def submit_body(operation: SubmitForm, context: Mapping[str, str]) -> bytes:
    """The body of one submission."""
    body: dict[str, Any] = {
        "submittedAt": operation.at_ms,
        "fields": [
            {"objectTypeId": _type_id(field.object), "name": field.name, "value": field.value}
            for field in operation.fields
        ],
    }
    if context:
        body["context"] = dict(context)
    if operation.consent:
        body["legalConsentOptions"] = operation.consent
    return _encode(body)


def form_faults(body: bytes) -> list[FormFault]:
    """The errors of a refused submission."""
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return []
    errors = raw.get("errors") if isinstance(raw, dict) else None
    return [
        FormFault(str(entry.get("errorType") or ""), str(entry.get("message") or ""))
        for entry in (errors if isinstance(errors, list) else [])
        if isinstance(entry, dict)
    ]


def forms_host(region: str) -> str:
    """The host of form submissions of a region."""
    return HOSTS.get(region, DEFAULT_HOST)


def _type_id(name: str) -> str:
    found = standard_type(name)
    return found.type_id if found is not None else name
