"""HubSpot calls on a message's page. Of a batch, only the inputs of this message are shown, if they can be found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from hubwire.record.queries import AttemptSummary, AttemptView, MessageDetail
from hubwire.web.request import View

MAX_SHOWN_INPUTS = 20
MULTI_STATUS = 207
PARTLY = "an outcome for each record"


class AttemptLine(AttemptSummary, kw_only=True):
    """One HubSpot call. `request` and `response` hold only the part of this message, if it can be found.

    `tone`: delivered, dead, or held for an answer with an outcome for each input (207).
    """

    is_good: bool
    tone: str
    request: Any
    response: Any
    is_request_cut: bool
    is_response_cut: bool


def needles_of(view: View, detail: MessageDetail) -> set[str]:
    """Texts by which an input or result of a batch is known to be about this message."""
    summary = detail.summary
    needles = {summary.email.strip().lower()} if summary.email else set()
    for fate_id in {summary.user_id, summary.anonymous_id} - {None}:
        assert fate_id is not None
        for record in view.deps.statistics.identity(fate_id).records:
            domains = record.associated if record.kind == "contact" else ()
            needles.update(name for name in (record.key, record.record_id, *domains) if name)
    return needles


def attempt_line(view: View, attempt: AttemptView, needles: set[str]) -> AttemptLine:
    """One exchange, as the viewer may see it."""
    request, response = _json(attempt.request), _json(attempt.response)
    own_request, request_cut = _excerpt(request, "inputs", needles)
    needles = needles | _traces(own_request if request_cut else None)
    own_response, response_cut = _excerpt(response, "results", needles)
    is_good, is_partly = attempt.status is not None and 200 <= attempt.status < 300, attempt.status == MULTI_STATUS
    line = AttemptLine(
        **attempt.summary(),
        is_good=is_good,
        tone="held" if is_partly else "delivered" if is_good else "dead",
        request=view.masked(own_request),
        response=view.masked(own_response),
        is_request_cut=request_cut,
        is_response_cut=response_cut,
    )
    if is_partly and line.outcome == "success":
        line.outcome = PARTLY
    return line


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else None
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace")


def _excerpt(payload: Any, name: str, needles: set[str]) -> tuple[Any, bool]:
    """A batch body with only the entries that hold a needle; the whole when none does. Long lists are shortened."""
    entries = payload.get(name) if isinstance(payload, dict) else None
    if not isinstance(entries, list) or len(entries) < 2:
        return payload, False
    own = [entry for entry in entries if needles & set(_texts(entry))] or entries
    shown = own[:MAX_SHOWN_INPUTS]
    return {**payload, name: shown}, len(shown) < len(entries)


def _traces(payload: Any) -> set[str]:
    entries = payload.get("inputs", []) if isinstance(payload, dict) else []
    names_of = ("objectWriteTraceId", "id")
    return {str(entry[name]) for entry in entries if isinstance(entry, dict) for name in names_of if entry.get(name)}


def _texts(value: Any) -> Iterable[str]:
    """Every text in a JSON value, in lower case."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value.lower()
