#!/usr/bin/env bash
# pyarrow converts a timestamp with nanoseconds to Python only if its last three digits are zero.
#
# Package: pyarrow 26.0.1 (PyPI) without pandas, Python 3.11.
# Expected before the run: to_pylist() cuts the value off at microseconds, as a cast with safe=False does; or it
# refuses the type. Seen: it depends on the value. A column of timestamp[ns], the default of data frames, converts in
# every test with whole seconds and raises ValueError at the first measured time. With pandas installed, the same call
# returns pandas Timestamps in place of datetimes, so the type of a cell depends on the environment.
# A list or a struct that contains such a timestamp behaves alike.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
cat > "$folder/show.py" <<'PYTHON'
import pyarrow as pa

WHOLE, FINE = 1_709_632_802_500_000_000, 1_709_632_802_123_456_789
for kind, wrap in ((pa.timestamp("ns"), lambda value: value), (pa.list_(pa.timestamp("ns")), lambda value: [value])):
    for value in (WHOLE, FINE):
        try:
            print(kind, type(pa.array([wrap(value)], kind).to_pylist()[0]).__name__)
        except ValueError as error:
            print(kind, "ValueError", "pandas" in str(error))
print(pa.array([FINE], pa.timestamp("ns")).cast(pa.timestamp("us"), safe=False).to_pylist()[0])
PYTHON
"$folder/venv/bin/python" "$folder/show.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
timestamp[ns] datetime
timestamp[ns] ValueError True
list<item: timestamp[ns]> list
list<item: timestamp[ns]> ValueError True
2024-03-05 10:00:02.123456
SEEN
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==2.3.3
"$folder/venv/bin/python" "$folder/show.py" | tee "$folder/with-pandas"
grep -q '^timestamp\[ns\] Timestamp$' "$folder/with-pandas"
