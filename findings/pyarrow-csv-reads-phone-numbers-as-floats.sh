#!/usr/bin/env bash
# pyarrow's CSV reader turns a column of phone numbers into floats, and a column of ones into booleans.
#
# Packages: pyarrow 26.0.1, duckdb 2.0.1, polars 2.1.0 (PyPI), Python 3.11; each with its defaults.
# Expected before the run: +491701234567 stays text in all three, because integers have no plus sign; and numbers
# among which there is "true" are texts.
# Seen: pyarrow takes +491701234567 for the float 491701234567.0, while DuckDB and polars keep the text; an id with a
# plus and 18 digits is another number. One space in one number keeps the whole column text, so the type depends on the
# other rows of the file. Ones with a "true" among them are all true; with a 2 among them they are texts. An id like
# 0x1F is 31 in pyarrow and DuckDB.
# Why it matters: contacts get the phone number 491701234567.0, from an export whose test file had spaces in the
# numbers. Name the types of phone numbers and ids in each reader.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1 duckdb==2.0.1 polars==2.1.0
cat > run.py <<'PYTHON'
import duckdb
import polars
import pyarrow.csv

COLUMNS = [
    ["+491701234567"],
    ["+491701234567", "+49 30 12345"],
    ["+123456789012345678"],
    ["1", "1", "true"],
    ["1", "2", "true"],
    ["0x1F"],
]
for column in COLUMNS:
    with open("file.csv", "w") as file:
        file.write("\n".join(["value", *column]) + "\n")
    by_pyarrow = pyarrow.csv.read_csv("file.csv")["value"].to_pylist()
    by_duckdb = [value for (value,) in duckdb.sql("FROM 'file.csv'").fetchall()]
    by_polars = polars.read_csv("file.csv")["value"].to_list()
    print(by_pyarrow, by_duckdb, by_polars, sep=" | ")
PYTHON
venv/bin/python run.py | tee seen
diff seen - <<'SEEN'
[491701234567.0] | ['+491701234567'] | ['+491701234567']
['+491701234567', '+49 30 12345'] | ['+491701234567', '+49 30 12345'] | ['+491701234567', '+49 30 12345']
[1.2345678901234568e+17] | ['+123456789012345678'] | ['+123456789012345678']
[True, True, True] | ['1', '1', 'true'] | ['1', '1', 'true']
['1', '2', 'true'] | ['1', '2', 'true'] | ['1', '2', 'true']
[31] | [31] | ['0x1F']
SEEN
