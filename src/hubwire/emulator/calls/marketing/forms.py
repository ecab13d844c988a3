"""Forms: a list of them, and submissions. A contact is made or changed by its e-mail; the control plane has each
submission.

Source: HubSpot's submission pages (errors, the month, 1,000 fields); that addresses at example.com and test.com answer
200 and create nothing was seen on a live portal. Chosen: until forms are seeded, a form of any id exists, with any
fields, except that `captcha_forms` have a captcha; a contact that a submission with a `hutk` makes has direct traffic
as its source, one without is offline, and the source of a known contact stays.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

import msgspec

from hubwire.emulator.calls.crm.writing import carry_out
from hubwire.emulator.moments import iso
from hubwire.emulator.store.forms import Form, refusal, with_captcha
from hubwire.emulator.store.objects.history import FORM
from hubwire.emulator.store.objects.values import ValueRefused, check_email
from hubwire.emulator.store.objects.writes import Scalar, plan_write
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Refusal, Reply, Request, decode, json_reply, not_found

MAX_FIELDS = 1_000
MAX_PAGE = 100
MONTH_MS = 31 * 86_400_000
_HUTK = re.compile("[0-9a-fA-F]{32}")
SILENT_DOMAINS = frozenset({"example.com", "test.com"})


class FieldInput(msgspec.Struct, rename="camel"):
    """One field."""

    name: str
    value: Scalar = ""
    object_type_id: str = "0-1"


class SubmissionBody(msgspec.Struct, rename="camel"):
    """One submission."""

    fields: list[FieldInput]
    submitted_at: int | str | None = None
    context: dict[str, Any] = {}
    legal_consent_options: dict[str, Any] | None = None


_body = msgspec.json.Decoder(SubmissionBody)


def submit(portal: Portal, request: Request) -> Reply:
    """`POST /submissions/v3/integration/submit/{portalId}/{formGuid}`, and `…/secure/submit/…` with a token."""
    if request.params["portalId"] != str(portal.config.portal_id):
        raise not_found(f"No form of portal {request.params['portalId'][:40]} exists")
    is_open = "/secure/" not in request.path
    take_submission(portal, request.params["formGuid"], decode(_body, request.body), is_open=is_open)
    return json_reply(200, {"inlineMessage": "Thanks for submitting the form."})


def take_submission(portal: Portal, form_id: str, body: SubmissionBody, *, is_open: bool = False) -> str:
    """Make or change the contact of a submission, and keep the submission. Returns its e-mail, which may be empty.

    Errors: a 400 for what HubSpot refuses, a 404 for an unknown form.
    """
    if len(body.fields) > MAX_FIELDS:
        raise refusal(("MAX_NUMBER_OF_SUBMITTED_VALUES_EXCEEDED", f"At most {MAX_FIELDS} fields can be submitted"))
    now_ms = portal.clock.now_ms()
    if body.submitted_at is not None and now_ms - int(body.submitted_at) > MONTH_MS:
        raise refusal(("INVALID_METADATA", "submittedAt is more than a month ago"))
    _check(portal, form_id, body.context)
    if portal.forms:
        if form_id not in portal.forms:
            raise not_found(f"No form {form_id[:40]} exists")
        given = {(field.object_type_id, field.name): str(field.value or "") for field in body.fields}
        portal.forms[form_id].check(given, is_open=is_open)
    values = {field.name: field.value for field in body.fields if field.object_type_id == "0-1"}
    email = str(values.get("email") or "")
    if email:
        try:
            email = check_email(email, None, False)
        except ValueRefused as refused:
            raise refusal(("INVALID_EMAIL", f"Error in 'fields.email'. {refused.message}")) from refused
        if email in portal.stores["contacts"].blocked_emails:
            raise refusal(("BLOCKED_EMAIL", "Submissions of this address are blocked"))
    if email and email.rpartition("@")[2] not in SILENT_DOMAINS:
        _write(portal, email, values)
        _convert(portal, form_id, email, str(body.context.get("hutk") or ""))
    submission = {
        "formGuid": form_id,
        "submittedAt": iso(now_ms),
        "email": email or None,
        "fields": msgspec.to_builtins(body.fields),
        "context": body.context,
        "legalConsentOptions": body.legal_consent_options,
    }
    portal.submissions.append(submission)
    return email


def _check(portal: Portal, form_id: str, context: dict[str, Any]) -> None:
    """Refuse a form with a captcha, and a context that is none."""
    if form_id in frozenset(portal.config.captcha_forms):
        raise with_captcha()
    if context.get("hutk") and not _HUTK.fullmatch(str(context["hutk"])):
        raise refusal(("INVALID_HUTK", "The hutk is not valid"))
    if context.get("ipAddress"):
        try:
            ip_address(str(context["ipAddress"]))
        except ValueError as exc:
            raise refusal(("INVALID_IP_ADDRESS", "The IP address is not valid")) from exc


def _convert(portal: Portal, form_id: str, email: str, hutk: str) -> None:
    """Count the submission on its contact, and tie the visitor to it with the visits so far."""
    store, now_ms = portal.stores["contacts"], portal.clock.now_ms()
    record = store.by_property("email", email)
    if record is None:
        return
    count = int(record.properties.get("num_conversion_events") or 0) + 1
    values = {"num_conversion_events": str(count), "recent_conversion_date": iso(now_ms)}
    values["recent_conversion_event_name"] = form_id
    if record.created_at_ms == now_ms and count == 1:
        values["hs_analytics_source"] = "DIRECT_TRAFFIC" if hutk else "OFFLINE"
    if hutk:
        portal.visitors[hutk] = email
        portal.events.find_owner(hutk, record.id)
    store.write(record, values, now_ms, portal.search_lag_ms, FORM)


def _write(portal: Portal, email: str, values: dict[str, Scalar]) -> None:
    store = portal.stores["contacts"]
    known = {name: value for name, value in values.items() if name in store.schema.rules}
    context = portal.write_context(store, "v3", FORM)
    try:
        plan = plan_write(context, {**known, "email": email}, store.by_property("email", email))
    except Refusal:
        return  # a form says nothing of values that the contact cannot take
    carry_out(portal, context, plan)


def list_forms(portal: Portal, request: Request) -> Reply:
    """`GET /marketing/v3/forms`: a page of the seeded forms with their fields, a group for each field."""
    limit, after = request.query_page(20, MAX_PAGE)
    found = list(portal.forms.values())[after:]
    body: dict[str, Any] = {"results": [_listed(form) for form in found[:limit]]}
    if len(found) > limit:
        body["paging"] = request.next_page(str(after + limit), limit)
    return json_reply(200, body)


def _listed(form: Form) -> dict[str, Any]:
    groups = [
        {
            "groupType": "default_group",
            "richTextType": "text",
            "fields": [
                {
                    "objectTypeId": field.object_type_id,
                    "name": field.name,
                    "label": field.label or field.name,
                    "required": field.required,
                    "hidden": False,
                    "fieldType": "dropdown" if field.options else "single_line_text",
                }
            ],
        }
        for field in form.fields
    ]
    return {
        "id": form.id,
        "name": form.name or form.id,
        "formType": "hubspot",
        "archived": False,
        "fieldGroups": groups,
    }
