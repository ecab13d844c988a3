"""Reads Parquet batch by batch, with typed cells."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Final

from hubwire.backfill.formats.compressed import Bytes, DamagedFile, Part
from hubwire.backfill.formats.tables import MISSING, Table, first_line
from hubwire.backfill.records import Record
from hubwire.errors import SettingsError

if TYPE_CHECKING:
    import pyarrow

ROWS_PER_BATCH: Final = 2_000
MEMORY_BYTES: Final = 16 * 1024 * 1024
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS: Final = {"s": 1_000_000, "ms": 1_000, "us": 1}


def parquet_table(part: Part, opened_bytes: Bytes, stack: ExitStack) -> Table:
    """A Parquet file's rows, batch by batch. Errors: SettingsError without pyarrow; DamagedFile."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as exc:
        raise SettingsError(f"{part.label}: a Parquet file needs another package", hint=MISSING) from exc
    seekable = _seekable(opened_bytes, stack)
    try:
        opened = parquet.ParquetFile(seekable, pre_buffer=False)
    except (ArrowException, OSError) as exc:
        raise DamagedFile(f"{part.label}: damaged Parquet: {first_line(exc)}") from exc
    columns = tuple(opened.schema_arrow.names)
    total = max(opened.metadata.num_rows, 1)
    done = 0

    def rows() -> Iterator[Record]:
        nonlocal done
        try:
            for batch in opened.iter_batches(ROWS_PER_BATCH, use_threads=False):
                faults: dict[int, str] = {}
                cells = [_cells(name, column, faults) for name, column in zip(columns, batch.columns, strict=True)]
                for index, row in enumerate(zip(*cells, strict=True)):
                    done += 1
                    if index in faults:
                        yield Record(done, {}, faults[index])
                    else:
                        yield Record(done, dict(zip(columns, row, strict=True)))
        except (ArrowException, OSError) as exc:
            raise DamagedFile(f"{part.label}: damaged Parquet: {first_line(exc)}") from exc

    return Table(columns, rows(), lambda: done / total, opened.metadata.num_rows)


def _cells(name: str, column: pyarrow.Array, faults: dict[int, str]) -> list[Any]:
    """The values of a column as Python objects; a timestamp is a datetime in UTC without nanoseconds.

    Adds to `faults`, by row, the values that Python cannot represent, such as a year above 9999.
    """
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        return _moments(name, column, faults)
    try:
        coarse = _without_nanoseconds(column.type)
        values: list[Any] = (column if coarse == column.type else column.cast(coarse, safe=False)).to_pylist()
        return values
    except (ValueError, OverflowError):
        return [_checked(name, index, scalar.as_py, faults) for index, scalar in enumerate(column)]


def _moments(name: str, column: pyarrow.Array, faults: dict[int, str]) -> list[Any]:
    """A column of timestamps. pyarrow's own conversion takes eight times as long."""
    import pyarrow as pa

    counts, unit = column.view(pa.int64()).to_pylist(), column.type.unit
    if unit == "ns":
        counts = [None if count is None else count // 1000 for count in counts]
    factor = MICROSECONDS.get(unit, 1)
    try:
        return [None if count is None else EPOCH + timedelta(0, 0, count * factor) for count in counts]
    except OverflowError:
        return [
            None if count is None else _checked(name, index, partial(_moment, count * factor), faults)
            for index, count in enumerate(counts)
        ]


def _moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(0, 0, microseconds)


def _checked(name: str, index: int, read: Callable[[], Any], faults: dict[int, str]) -> Any:
    try:
        return read()
    except (ValueError, OverflowError) as exc:
        faults[index] = f"{name}: {first_line(exc)}"
        return None


def _without_nanoseconds(kind: pyarrow.DataType) -> pyarrow.DataType:
    """The type with microseconds in place of nanoseconds, which datetime cannot represent."""
    import pyarrow as pa

    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if pa.types.is_time64(kind) and kind.unit == "ns":
        return pa.time64("us")
    if pa.types.is_list(kind):
        return pa.list_(_without_nanoseconds(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _without_nanoseconds(field.type)) for field in kind])
    return kind


def _seekable(opened: Bytes, stack: ExitStack) -> IO[bytes]:
    """The file, or a copy if it cannot be rewound (a member of a zip, compressed, standard input)."""
    if not opened.layers and isinstance(getattr(opened.raw, "raw", None), io.FileIO) and opened.raw.seekable():
        opened.raw.seek(0)
        return opened.raw
    copy = stack.enter_context(tempfile.SpooledTemporaryFile(MEMORY_BYTES))
    shutil.copyfileobj(opened.stream, copy)
    copy.seek(0)
    return copy
