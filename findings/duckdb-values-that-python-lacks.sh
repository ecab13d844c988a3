#!/usr/bin/env bash
# DuckDB for Python returns another type, or another value, for what Python's own types cannot hold; it raises nothing.
#
# Package: duckdb 2.0.1 (PyPI), Python 3.11.
# Expected before the run: an OverflowError for the year 10000 and for 24:00, an error for infinity and for a month.
# Seen: a timestamp in the year 10000 is a str in a column of datetimes; 24:00:00 is a str in a column of times; the
# date and the timestamp "infinity" are the last ones of 9999, equal to real ones; one month is a timedelta of 30 days.
# Why it matters: an export that compares or subtracts such a column fails on one row in a million, and "never expires"
# becomes an ordinary date of 9999.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import datetime

import duckdb

SEEN = {
    "SELECT DATE '9999-12-31' + INTERVAL 1 YEAR": "10000-12-31 00:00:00",
    "SELECT TIME '24:00:00'": "24:00:00",
    "SELECT DATE 'infinity'": datetime.date(9999, 12, 31),
    "SELECT TIMESTAMP 'infinity'": datetime.datetime(9999, 12, 31, 23, 59, 59, 999999),
    "SELECT INTERVAL '1 month'": datetime.timedelta(days=30),
}
connection = duckdb.connect()
for query, seen in SEEN.items():
    [(value,)] = connection.execute(query).fetchall()
    print(f"{query}: {value!r}")
    assert value == seen and type(value) is type(seen), f"now {value!r}, before {seen!r}"
PYTHON
