#!/usr/bin/env bash
# DuckDB guesses the types of a file from its first 20,480 rows, and then fits later values to them without an error.
#
# Packages: duckdb 2.0.1, polars 2.1.0, pyarrow 26.0.1 (PyPI), Python 3.11; each with its defaults.
# Expected before the run: an error for a value that the guessed type cannot hold, as DuckDB raises for a text among
# integers, and for a key that the sample did not have.
# Seen: in a column of integers, 1.5 is 2 and 0.4 is 0, in JSON (in nested objects, too) and in CSV. "no" among booleans
# is false. In CSV, a time of day or an offset is cut off if the column began without; a cast in the SELECT reads the
# text instead, so two queries of one file differ. polars raises for the number, but drops a key that comes after its
# first 100 lines, for which DuckDB raises. pyarrow changes nothing.
# Why it matters: prices that begin whole; exports sorted by time, where new fields and formats come last. The sum is
# wrong and the load is green. Name the types, or pass sample_size=-1 (polars: infer_schema_length=None).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1 polars==2.1.0 pyarrow==26.0.1
cat > run.py <<'PYTHON'
import json
import duckdb, polars, pyarrow.json

ROWS = 30_000

def last(read):
    try:
        return read()[-1]
    except Exception as error:
        return type(error).__name__

for first, later in ((1, 1.5), (1, 0.4), ({"a": 1}, {"a": 2.5}), (True, "no"), (1, "x"), ({"a": 1}, {"a": 1, "b": 2})):
    with open("file.ndjson", "w") as file:
        file.write((json.dumps({"v": first}) + "\n") * ROWS + json.dumps({"v": later}) + "\n")
    by_duckdb = last(lambda: duckdb.sql("FROM 'file.ndjson'").fetchall())
    by_polars = last(lambda: polars.read_ndjson("file.ndjson").rows())
    by_pyarrow = last(lambda: pyarrow.json.read_json("file.ndjson").to_pylist())
    print("JSON", first, later, "|", by_duckdb, "|", by_polars, "|", by_pyarrow)
DAY, NIGHT = "2026-01-01", "2026-01-01 22:30:00"
for first, later in (("1", "1.5"), (DAY, NIGHT), (NIGHT, NIGHT + "+09:00")):
    with open("file.csv", "w") as file:
        file.write("v\n" + f"{first}\n" * ROWS + f"{later}\n")
    for select in ("v", "v::VARCHAR"):
        print("CSV", later, select, "|", last(duckdb.sql(f"SELECT {select} FROM 'file.csv'").fetchall)[0])
PYTHON
venv/bin/python run.py | tee seen
diff seen - <<'SEEN'
JSON 1 1.5 | (2,) | ComputeError | {'v': 1.5}
JSON 1 0.4 | (0,) | ComputeError | {'v': 0.4}
JSON {'a': 1} {'a': 2.5} | ({'a': 2},) | ComputeError | {'v': {'a': 2.5}}
JSON True no | (False,) | ComputeError | ArrowInvalid
JSON 1 x | InvalidInputException | ComputeError | ArrowInvalid
JSON {'a': 1} {'a': 1, 'b': 2} | InvalidInputException | ({'a': 1},) | {'v': {'a': 1, 'b': 2}}
CSV 1.5 v | 2
CSV 1.5 v::VARCHAR | 1.5
CSV 2026-01-01 22:30:00 v | 2026-01-01
CSV 2026-01-01 22:30:00 v::VARCHAR | 2026-01-01 22:30:00
CSV 2026-01-01 22:30:00+09:00 v | 2026-01-01 22:30:00
CSV 2026-01-01 22:30:00+09:00 v::VARCHAR | 2026-01-01 22:30:00+09:00
SEEN
