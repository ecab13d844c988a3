"""How fast history is imported from Parquet beside NDJSON, and how much memory that takes.

    .venv/bin/python benchmarks/bench_import.py [--rows 1000000] [--people 100000] [--rounds 3]

The same events of the same people: as Segment's calls, one per line, and as the warehouse table `order_completed` in
Parquet. `hubwire import` of each in a process of its own, into a fresh SQLite file, without a server; the two formats
alternate. A rate is rows by the clock, and rows per CPU second, of the whole command: start, recognising, reading,
journal, fsync. Memory is the peak of the process. Needs `hubwire[files]`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from hubwire.backends.store import open_store
from hubwire.clock import SystemClock
from hubwire.destination import Source
from hubwire.settings import Settings

ROWS_PER_GROUP = 100_000
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


class Run(NamedTuple):
    """One import. Units: seconds, MiB."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def write_files(folder: Path, rows: int, people: int) -> dict[str, Path]:
    """The events in both formats."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    dice = random.Random(24)
    lines, table = folder / "events.ndjson", folder / "order_completed.parquet"
    writer: Any = None
    with lines.open("w", encoding="utf-8") as out:
        for begin in range(0, rows, ROWS_PER_GROUP):
            group = []
            for number in range(begin, min(rows, begin + ROWS_PER_GROUP)):
                at = BEGIN + timedelta(seconds=30 * number)
                row = {
                    "id": f"m-{number}",
                    "user_id": f"u{dice.randrange(people)}",
                    "event": "order_completed",
                    "event_text": "Order Completed",
                    "timestamp": at,
                    "order_id": f"o-{number}",
                    "total": round(dice.random() * 500, 2),
                    "coupon": dice.choice([None, "SPRING", "WELCOME"]),
                }
                group.append(row)
                properties = {name: row[name] for name in ("order_id", "total", "coupon") if row[name] is not None}
                call = {
                    "type": "track",
                    "event": "Order Completed",
                    "userId": row["user_id"],
                    "messageId": row["id"],
                    "timestamp": at.isoformat().replace("+00:00", "Z"),
                    "properties": properties,
                }
                out.write(json.dumps(call) + "\n")
            columns = pa.Table.from_pylist(group)
            writer = writer or pq.ParquetWriter(table, columns.schema)
            writer.write_table(columns)
    writer.close()
    return {"ndjson": lines, "parquet": table}


def run_import(path: Path, rows: int) -> Run:
    """Import a file into a fresh installation."""
    hubwire = str(Path(sys.executable).with_name("hubwire"))
    with tempfile.TemporaryDirectory() as data:
        env = {**os.environ, "HUBWIRE_DATA": data}
        store = open_store(Settings(data=data), SystemClock(), appends=False)
        store.registry.save_source(Source(source_id=0, name="history"))
        store.close()
        began = time.perf_counter()
        process = subprocess.Popen(
            [hubwire, "import", str(path), "--source", "history", "--yes", "--json"], env=env, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        outcome = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or outcome["journaled"] != rows:
        raise SystemExit(f"{path.name}: exit code {process.returncode}, {outcome}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    runs: dict[str, list[Run]] = {"ndjson": [], "parquet": []}
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(Path(folder), options.rows, options.people)
        for number in range(options.rounds):
            for name in sorted(files, reverse=bool(number % 2)):
                run = run_import(files[name], options.rows)
                runs[name].append(run)
                print(
                    f"{name:8}{options.rows / run.seconds:10,.0f} rows/s {options.rows / run.cpu_seconds:10,.0f} per"
                    f" CPU second {run.peak_mib:6.0f} MiB",
                    flush=True,
                )
    clock = [lines.seconds / table.seconds for lines, table in zip(runs["ndjson"], runs["parquet"], strict=True)]
    cpu = [lines.cpu_seconds / table.cpu_seconds for lines, table in zip(runs["ndjson"], runs["parquet"], strict=True)]
    print(
        f"Parquet's rate is {statistics.median(clock):.2f} of NDJSON's by the clock, {statistics.median(cpu):.2f} per"
        f" CPU second; at most {max(run.peak_mib for run in runs['parquet']):.0f} MiB"
    )


if __name__ == "__main__":
    main()
