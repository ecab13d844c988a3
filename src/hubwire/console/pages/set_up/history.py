"""Import of history in the console: drop a file, read its preview, correct it, import it."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from hubwire.backfill.formats.delimited import is_encoding
from hubwire.backfill.records import Call
from hubwire.errors import BadValue, HubwireError, Missing
from hubwire.manage.history.dropped_files import (
    MAX_FILE_BYTES,
    DroppedFile,
    DroppedFiles,
    FileOptions,
    FileState,
)
from hubwire.times import DateOrder
from hubwire.web.parameters import choice, lines_of, number, text
from hubwire.web.request import Problem, View, json_response, problem_of

PART_BYTES = 512 * 1024
MAX_COLUMNS = 2000
STATE_WORDS = {
    FileState.RECEIVING: "Not complete",
    FileState.READING: "Being read",
    FileState.READY: "Ready",
    FileState.REFUSED: "Refused",
    FileState.IMPORTING: "Being imported",
    FileState.IMPORTED: "Imported",
}


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """The dropped files. Units: bytes."""

    files: list[DroppedFile]
    words: dict[str, str]
    sources: list[str]
    part_bytes: int
    max_bytes: int
    is_available: bool


class FilePage(msgspec.Struct, frozen=True, kw_only=True):
    """One file with its preview, its cost and its outcome. `fields`: the field that each column was given by hand."""

    file: DroppedFile
    words: str
    sources: list[str]
    calls: list[str]
    orders: list[str]
    fields: dict[str, str]


async def files(view: View) -> Response:
    """`/import`."""
    return await _show_files(view)


async def file(view: View) -> Response:
    """`/import/{file_id}`."""
    return await _show_file(view, _available(view).file(_id(view)))


async def add(view: View) -> Response:
    """POST `/import/files`: expect a file; the answer is JSON with its `file_id`."""
    form = await view.form()
    name, size = text(form, "name") or "", number(form, "size", 1, MAX_FILE_BYTES) or 0
    return json_response(await view.read(_available(view).add, name, size))


async def add_part(view: View) -> Response:
    """POST `/import/{file_id}/bytes?offset=…&source=…`: the next bytes of a file as the body; the answer is JSON."""
    offset = number(view.fields, "offset", 0, MAX_FILE_BYTES) or 0
    source = text(view.fields, "source") or ""
    body = await view.request.body()
    return json_response(await view.read(_available(view).write, _id(view), offset, body, source))


async def preview(view: View) -> Response:
    """POST `/import/{file_id}/preview`: read the file again with other options."""
    form = await view.form()
    shown = _available(view).file(_id(view))
    try:
        call, order = choice(form, "call", list(Call)), choice(form, "order", list(DateOrder))
        options = FileOptions(
            source=text(form, "source") or "",
            call=Call(call) if call else None,
            order=DateOrder(order) if order else None,
            encoding=_encoding(form),
            columns=_chosen_fields(form),
        )
        await view.read(_available(view).preview, shown.file_id, options)
    except HubwireError as exc:
        return await _show_file(view, shown, problem_of(exc))
    return view.redirect(f"/import/{shown.file_id}")


async def begin(view: View) -> Response:
    """POST `/import/{file_id}/begin`: import the file as its preview shows it."""
    shown = _available(view).file(_id(view))
    try:
        await view.read(_available(view).begin, shown.file_id)
    except HubwireError as exc:
        return await _show_file(view, shown, problem_of(exc))
    source = shown.options.source if shown.options else ""
    detail = f"{shown.name}: {shown.message_count:,} messages, source {source}"
    await view.read(view.deps.registry.write_audit, view.viewer.name, "history.imported", detail)
    return view.redirect(f"/import/{shown.file_id}")


async def remove(view: View) -> Response:
    """POST `/import/{file_id}/remove`: delete the dropped file from the server. Imported messages stay."""
    try:
        await view.read(_available(view).remove, _id(view))
    except HubwireError as exc:
        return await _show_files(view, problem_of(exc))
    return view.redirect("/import", "removed")


def _chosen_fields(form: dict[str, str]) -> dict[str, str]:
    """The fields of columns that were set by hand; "" leaves a column out.

    Shape: `columns` has lines of `COLUMN=FIELD`. Beside a preview, `column.N` names a column, `was.N` its recognised
    field and `field.N` the field that is wanted. Errors: BadValue.
    """
    fields = {}
    for line in lines_of(form.get("columns", "")):
        column, separator, field = line.rpartition("=")
        if not separator or not column.strip():
            raise BadValue("columns", "a line is COLUMN=FIELD, such as Work address=email", value=line[:200])
        fields[column] = field
    for index in range(MAX_COLUMNS):
        name = form.get(f"column.{index}")
        if name is None:
            break
        if (chosen := form.get(f"field.{index}", "").strip()) != form.get(f"was.{index}", ""):
            fields[name] = chosen
    return fields


def _encoding(form: dict[str, str]) -> str | None:
    name = text(form, "encoding")
    if name and not is_encoding(name):
        raise BadValue("encoding", "not a known encoding; try latin-1 or shift_jis", value=name[:64])
    return name


def _available(view: View) -> DroppedFiles:
    if view.deps.dropped_files is None:
        raise Missing("files", "this process imports no files")
    return view.deps.dropped_files


def _id(view: View) -> str:
    file_id: str = view.request.path_params["file_id"]
    return file_id


async def _sources(view: View) -> list[str]:
    return [source.name for source in (await view.read(view.deps.registry.sources)).values()]


async def _show_files(view: View, problem: Problem | None = None) -> Response:
    dropped = view.deps.dropped_files
    page = HistoryPage(
        files=[] if dropped is None else dropped.files(),
        words={state.value: words for state, words in STATE_WORDS.items()},
        sources=await _sources(view),
        part_bytes=PART_BYTES,
        max_bytes=MAX_FILE_BYTES,
        is_available=dropped is not None,
    )
    status = 200 if problem is None else 422
    cli = "hubwire import FILE --source SOURCE --preview"
    return view.render("set_up/history.html", page, title="Import", cli=cli, problem=problem, status=status)


async def _show_file(view: View, shown: DroppedFile, problem: Problem | None = None) -> Response:
    page = FilePage(
        file=shown,
        words=STATE_WORDS[shown.state],
        sources=await _sources(view),
        calls=list(Call),
        orders=list(DateOrder),
        fields=shown.options.columns if shown.options else {},
    )
    source = shown.options.source if shown.options else "SOURCE"
    cli = f"hubwire import {shown.name} --source {source} --preview"
    status = 200 if problem is None else 422
    return view.render("set_up/history_file.html", page, title=shown.name, cli=cli, problem=problem, status=status)
