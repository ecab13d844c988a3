"""Deletion requests: create, follow, and read the receipt. A finished request does not name the person."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from hubwire.errors import HubwireError, Missing
from hubwire.privacy.regulations import NewRegulation, Regulations
from hubwire.record.privacy import RegulationState, RegulationType
from hubwire.web.parameters import choice, lines_of
from hubwire.web.request import Problem, View, problem_of

WORDS = {
    RegulationType.SUPPRESS_WITH_DELETE: "Delete in HubSpot and here, and suppress later messages",
    RegulationType.DELETE_ONLY: "Delete in HubSpot and here, but accept later messages",
    RegulationType.SUPPRESS_WITH_DELETE_INTERNAL: "Delete here only, and suppress later messages",
    RegulationType.DELETE_INTERNAL: "Delete here only, but accept later messages",
    RegulationType.SUPPRESS_ONLY: "Delete nothing, but suppress later messages",
    RegulationType.UNSUPPRESS: "Accept later messages again",
}
NOT_ASKED = "No request was sent: HubSpot identifies people by e-mail address, and none is known for this person."
SUBJECTS = {"EMAIL": "E-mail addresses", "USER_ID": "userIds"}
COUNTS = {
    "emails": "E-mail addresses found",
    "ids": "Ids found",
    "messages": "Messages emptied",
    "deliveries": "Deliveries removed",
    "attempts": "HubSpot calls removed",
    "links": "Links removed",
    "contacts": "Contacts removed",
    "associations": "Associations removed",
    "mentions_kept": "Messages of other people that mention this person, kept",
}


class RegulationLine(msgspec.Struct, frozen=True, kw_only=True):
    regulation_id: str
    words: str
    state: str
    created_at: str
    finished_at: str | None
    subject_count: int


class RegulationsPage(msgspec.Struct, frozen=True, kw_only=True):
    """`is_available` is False if this process accepts no deletion requests."""

    lines: list[RegulationLine]
    kinds: list[tuple[str, str]]
    subjects: list[tuple[str, str]]
    subject: str
    is_available: bool


class RegulationPage(msgspec.Struct, frozen=True, kw_only=True):
    """One request with its receipt: the counts of what was deleted where."""

    line: RegulationLine
    hubspot: list[dict[str, Any]]
    counts: list[tuple[str, int]]
    not_covered: list[str]
    is_suppressed: bool
    is_open: bool
    is_known: bool
    """False if no person here had that address or id, so there was nothing to delete."""


async def regulations(view: View) -> Response:
    """`/regulations`; `?subject=…` fills the form."""
    return await _show(view)


async def regulation(view: View) -> Response:
    """`/regulations/{regulation_id}`."""
    regulation_id = view.request.path_params["regulation_id"]
    found = await view.read(_available(view).find, regulation_id)
    if found is None:
        raise Missing("regulation_id", "there is no such deletion request", value=regulation_id[:64])
    shown: dict[str, Any] = found.data["regulation"]
    receipt: dict[str, Any] = shown["receipt"]
    is_known = bool(receipt.get("is_known", True))
    page = RegulationPage(
        line=_line(shown),
        hubspot=[_at_hubspot(result, bool(receipt.get("emails"))) for result in receipt.get("hubspot", [])],
        counts=[(words, receipt[name]) for name, words in COUNTS.items() if is_known and receipt.get(name)],
        not_covered=list(receipt.get("not_covered", ())),
        is_suppressed=bool(receipt.get("is_suppressed")),
        is_known=is_known,
        is_open=not RegulationState(shown["overallStatus"]).is_final,
    )
    return view.render(
        "look_after/regulation.html",
        page,
        title="Deletion request",
        cli=f"hubwire regulations {page.line.regulation_id}",
    )


async def create(view: View) -> Response:
    """POST `/regulations`."""
    form = await view.form()
    try:
        request = NewRegulation(
            RegulationType(choice(form, "type", list(RegulationType)) or RegulationType.SUPPRESS_WITH_DELETE),
            choice(form, "subject_type", SUBJECTS) or "EMAIL",
            lines_of(form.get("subjects", "")),
        )
        created = await view.read(_available(view).create, request, view.viewer.name)
    except HubwireError as exc:
        return await _show(view, problem_of(exc))
    return view.redirect(f"/regulations/{created.data.regulate_id}")


def _at_hubspot(result: dict[str, Any], has_address: bool) -> dict[str, Any]:
    note = result.get("error") or ("" if has_address else NOT_ASKED)
    return {**result, "note": note}


def _available(view: View) -> Regulations:
    if view.deps.regulations is None:
        raise Missing("regulations", "this process accepts no deletion requests")
    return view.deps.regulations


async def _show(view: View, problem: Problem | None = None) -> Response:
    available = view.deps.regulations
    shown = [] if available is None else (await view.read(available.recent)).data["regulations"]
    page = RegulationsPage(
        lines=[_line(result) for result in shown],
        kinds=[(kind.value, words) for kind, words in WORDS.items()],
        subjects=list(SUBJECTS.items()),
        subject=view.fields.get("subject", "")[:1024],
        is_available=available is not None,
    )
    return view.render(
        "look_after/regulations.html",
        page,
        title="Deletion requests",
        cli="hubwire regulations",
        problem=problem,
        status=200 if problem is None else 422,
    )


def _line(shown: dict[str, Any]) -> RegulationLine:
    return RegulationLine(
        regulation_id=shown["id"],
        words=WORDS[RegulationType(shown["regulationType"])],
        state=shown["overallStatus"],
        created_at=shown["createdAt"],
        finished_at=shown["finishedAt"],
        subject_count=shown["receipt"].get("subject_count", 0),
    )
