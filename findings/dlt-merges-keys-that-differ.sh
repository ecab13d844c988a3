#!/usr/bin/env bash
# dlt loads two keys of one record into one column if their names become the same column name; one value is lost.
#
# Packages: dlt 1.31.0, duckdb 2.0.1 (PyPI), Python 3.11; dlt's default naming, nothing configured.
# Expected before the run: two columns, the second with a suffix (as dlt does for two types of one key), or an error.
# Seen: one column with the value of the key that stands later in the record, and a load without a warning: userId and
# user_id, plan and Plan, e-mail and e_mail. Which value survives depends on the order of the keys. A key without
# Latin letters and digits becomes "x", so all Cyrillic or Japanese keys of a record share one column. Of a nested and
# a flat key, the nested one wins wherever it stands.
# Why it matters: Segment's messages have userId, and their properties often user_id. Traits in other scripts are
# common in exports of forms. Rename such keys before dlt sees them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check dlt==1.31.0 duckdb==2.0.1
cat > load.py <<'PYTHON'
import dlt
import duckdb

RECORDS = [
    {"userId": "in Segment", "user_id": "in the shop"},
    {"user_id": "in the shop", "userId": "in Segment"},
    {"Plan": "old", "plan": "new"},
    {"e-mail": "a", "e_mail": "b"},
    {"имя": "Anna", "город": "Riga", "id": 1},
    {"価格": 10, "数量": 2, "id": 1},
    {"properties": {"userId": "nested"}, "properties__user_id": "flat"},
]
for number, record in enumerate(RECORDS):
    destination = dlt.destinations.duckdb(f"{number}.duckdb")
    pipeline = dlt.pipeline(f"p{number}", destination=destination, dataset_name="d", pipelines_dir=".")
    pipeline.run([record], table_name="t")
    table = duckdb.connect(f"{number}.duckdb").sql("SELECT * EXCLUDE (_dlt_id, _dlt_load_id) FROM d.t")
    print(*record, dict(zip(table.columns, table.fetchall()[0], strict=True)))
PYTHON
DLT_DATA_DIR="$folder/data" RUNTIME__DLTHUB_TELEMETRY=false venv/bin/python load.py 2> warnings | tee seen
! grep . warnings
diff seen - <<'SEEN'
userId user_id {'user_id': 'in the shop'}
user_id userId {'user_id': 'in Segment'}
Plan plan {'plan': 'new'}
e-mail e_mail {'e_mail': 'b'}
имя город id {'x': 'Riga', 'id': 1}
価格 数量 id {'x': 2, 'id': 1}
properties properties__user_id {'properties__user_id': 'nested'}
SEEN
