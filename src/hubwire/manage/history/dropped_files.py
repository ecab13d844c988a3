"""Files of history that an admin drops in the console: received in parts, previewed, and imported, one after another.

The files are in the data folder until they are removed or the server starts again. An import that a stop interrupted
is not lost: the same file imports no row twice.
"""

from __future__ import annotations

import contextlib
import queue
import re
import secrets
import shutil
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import msgspec
import structlog

from hubwire.backfill.estimate import Estimate
from hubwire.backfill.imports import ImportOutcome, import_history
from hubwire.backfill.looking import History
from hubwire.backfill.preview import FilePreview, merged, preview_of
from hubwire.backfill.records import Call, ReadOptions
from hubwire.clock import Clock
from hubwire.errors import BadValue, HubwireError, Missing, SettingsError
from hubwire.manage.history.preview import HistoryPreview
from hubwire.registry.named import named
from hubwire.registry.protocol import Registry
from hubwire.settings import Settings
from hubwire.times import DateOrder

log = structlog.get_logger("hubwire.console")

FOLDER = "dropped"
MAX_FILES = 20
MAX_NAME_BYTES = 200
"""File systems take 255."""
MAX_FILE_BYTES = 256 << 20
"""Reading a file takes time from the server: larger ones are for `hubwire import`, which has a process of its own."""
UNSAFE = re.compile(r"[^\w .()+-]")
STOP_SECONDS = 10.0


class FileState(StrEnum):
    RECEIVING = "receiving"
    READING = "reading"
    READY = "ready"
    REFUSED = "refused"
    IMPORTING = "importing"
    IMPORTED = "imported"

    @property
    def is_busy(self) -> bool:
        """Whether the state changes by itself."""
        return self in (FileState.READING, FileState.IMPORTING)


class FileOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is read: as the options of `hubwire import` with these names, `columns` (field by column) as --map."""

    source: str
    call: Call | None = None
    order: DateOrder | None = None
    encoding: str | None = None
    columns: dict[str, str] = {}

    def read_options(self, now_ms: int) -> ReadOptions:
        columns = {column.strip().lower(): field.strip() for column, field in self.columns.items()}
        return ReadOptions(call=self.call, columns=columns, order=self.order, encoding=self.encoding, now_ms=now_ms)


class DroppedFile(msgspec.Struct, kw_only=True):
    """One file. Units: bytes.

    Shape: `rows_done` counts the rows that a preview has read or an import has imported so far, `rows_estimated` the
    messages whose cost is estimated. `passed_over` names the skipped parts of the file. `problem` and `hint` say why it
    was refused. `no_estimate` says why there are no `estimates`.
    """

    file_id: str
    name: str
    size: int
    received: int = 0
    state: FileState = FileState.RECEIVING
    options: FileOptions | None = None
    previews: list[FilePreview] = []
    estimates: list[Estimate] = []
    no_estimate: str = ""
    problem: str = ""
    hint: str = ""
    rows_done: int = 0
    rows_estimated: int = 0
    passed_over: list[str] = []
    outcome: ImportOutcome | None = None

    @property
    def message_count(self) -> int:
        """How many messages the preview found."""
        return sum(sum(preview.calls.values()) for preview in self.previews)


class _Stopping(Exception):
    """The server stops."""


class DroppedFiles:
    """The dropped files of this process. Methods block; `preview_of_source` gives the reader for a source."""

    def __init__(
        self, settings: Settings, registry: Registry, preview_for: Callable[[str], HistoryPreview], clock: Clock
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._preview_for = preview_for
        self._clock = clock
        self._folder = Path(settings.data) / FOLDER
        self._files: dict[str, DroppedFile] = {}
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="dropped-files", daemon=True)

    def start(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the group of rows that is being appended."""
        self._is_stopping = True
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    # -- the files

    def files(self) -> list[DroppedFile]:
        """All files, newest first."""
        return list(self._files.values())[::-1]

    def file(self, file_id: str) -> DroppedFile:
        """Raises Missing."""
        found = self._files.get(file_id)
        if found is None:
            raise Missing(
                "file_id", "there is no such file; files are removed when the server starts", value=file_id[:64]
            )
        return found

    def add(self, name: str, size: int) -> DroppedFile:
        """Expect a file of this size. Errors: BadValue."""
        if not 0 < size <= MAX_FILE_BYTES:
            raise BadValue(
                "size",
                "a file has from 1 byte to 256 MiB here; `hubwire import` takes larger ones",
                value=size,
                limit=MAX_FILE_BYTES,
            )
        safe = UNSAFE.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(" .")
        safe = safe.encode()[-MAX_NAME_BYTES:].decode(errors="ignore")
        if not safe:
            raise BadValue("name", "a file needs a name", value=name[:64])
        with self._lock:
            if len(self._files) >= MAX_FILES:
                raise BadValue("files", f"at most {MAX_FILES} files at a time: remove some", limit=MAX_FILES)
            file = DroppedFile(file_id=secrets.token_hex(8), name=safe, size=size)
            path = self._path(file)
            path.parent.mkdir(mode=0o700, parents=True)
            path.touch(mode=0o600)
            self._files[file.file_id] = file
        return file

    def write(self, file_id: str, offset: int, part: bytes, source: str) -> DroppedFile:
        """Append a part; a complete file is previewed. Errors: Missing, BadValue if the part does not fit."""
        with self._lock:
            file = self.file(file_id)
            if file.state is not FileState.RECEIVING or offset != file.received or offset + len(part) > file.size:
                raise BadValue("offset", "this part does not continue the file", value=offset, limit=file.received)
            with self._path(file).open("r+b") as target:
                target.seek(offset)  # a part that failed half-way, on a full disk, is written again
                target.write(part)
            file.received += len(part)
            is_complete = file.received == file.size
        if is_complete:
            self.preview(file_id, FileOptions(source=source))
        return file

    def preview(self, file_id: str, options: FileOptions) -> None:
        """Read the whole file with these options, in the background. Errors: Missing, BadValue, SettingsError."""
        named(self._registry.sources().values(), options.source, "source")
        with self._lock:
            file = self._idle(file_id)
            file.state, file.options = FileState.READING, options
            file.previews, file.estimates, file.problem, file.hint, file.no_estimate = [], [], "", "", ""
            file.passed_over, file.rows_done, file.rows_estimated = [], 0, 0
        self._jobs.put(lambda: self._read(file, options))

    def begin(self, file_id: str) -> DroppedFile:
        """Import a previewed file, in the background. Errors: Missing, BadValue."""
        with self._lock:
            file = self._idle(file_id)
            if file.state is not FileState.READY:
                raise BadValue("state", "only a file with a preview can be imported", value=file.state)
            file.state, file.rows_done, file.outcome = FileState.IMPORTING, 0, None
        self._jobs.put(lambda: self._import(file))
        return file

    def remove(self, file_id: str) -> DroppedFile:
        """Remove a file from the list and from the disk. Errors: Missing, BadValue while it is read or imported."""
        with self._lock:
            file = self.file(file_id)
            if file.state.is_busy:
                raise BadValue("state", f"the file cannot be removed while the server is {file.state} it")
            del self._files[file_id]
            shutil.rmtree(self._path(file).parent, ignore_errors=True)
        return file

    def _idle(self, file_id: str) -> DroppedFile:
        file = self.file(file_id)
        if file.state.is_busy or file.received < file.size:
            raise BadValue("state", f"the server is still {file.state} this file", value=file.state)
        return file

    def _path(self, file: DroppedFile) -> Path:
        return self._folder / file.file_id / file.name

    # -- the thread

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            with contextlib.suppress(_Stopping):
                job()

    def _read(self, file: DroppedFile, options: FileOptions) -> None:
        def has_read(rows: int) -> None:
            file.rows_done += rows
            self._check_stopping()

        def has_estimated(rows: int) -> None:
            file.rows_estimated += rows
            self._check_stopping()

        try:
            preview = self._preview_for(options.source)
            history = self._look(file, preview, options)
            file.passed_over = [self._without_folder(file, f"{part.label}: {part.why}") for part in history.passed_over]
            previews = merged([preview_of(seen, has_read) for seen in history.seen])
            file.previews = [self._renamed(file, part) for part in previews]
            try:
                file.estimates = preview.estimates(history, self._clock.now_ms(), has_estimated)
            except SettingsError as exc:
                file.no_estimate = str(exc)
        except _Stopping:
            raise
        except Exception as exc:
            self._refuse(file, exc)
        else:
            file.state = FileState.READY if file.message_count else FileState.REFUSED
            file.problem = "" if file.message_count else "no row of the file is a message"

    def _import(self, file: DroppedFile) -> None:
        assert file.options is not None, "a file with a preview has options"

        def report(bytes_done: int, rows_done: int, rows_skipped: int) -> None:
            file.rows_done = rows_done
            self._check_stopping()

        try:
            history = self._look(file, self._preview_for(file.options.source), file.options)
            outcome = import_history(self._settings, history, file.options.source, report, self._clock)
            outcome.rejected = [self._without_folder(file, line) for line in outcome.rejected]
            outcome.passed_over = [self._without_folder(file, line) for line in outcome.passed_over]
            file.outcome, file.state = outcome, FileState.IMPORTED
        except _Stopping:
            raise
        except Exception as exc:
            self._refuse(file, exc)

    def _check_stopping(self) -> None:
        if self._is_stopping:
            raise _Stopping

    def _look(self, file: DroppedFile, preview: HistoryPreview, options: FileOptions) -> History:
        return preview.look_at([str(self._path(file))], options.read_options(self._clock.now_ms()))

    def _refuse(self, file: DroppedFile, exc: Exception) -> None:
        if not isinstance(exc, HubwireError):
            log.exception("dropped-file.failed", file_id=file.file_id)
        file.problem = self._without_folder(file, str(exc)) or type(exc).__name__
        file.hint = exc.hint if isinstance(exc, HubwireError) else ""
        file.state = FileState.REFUSED

    def _renamed(self, file: DroppedFile, preview: FilePreview) -> FilePreview:
        return msgspec.structs.replace(
            preview,
            file=self._without_folder(file, preview.file),
            faults=[self._without_folder(file, fault) for fault in preview.faults],
        )

    def _without_folder(self, file: DroppedFile, text: str) -> str:
        return text.replace(f"{self._path(file).parent}/", "")
