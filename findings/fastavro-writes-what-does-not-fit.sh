#!/usr/bin/env bash
# fastavro writes values that do not fit the schema, changed and without an error; Apache's package refuses them.
#
# Packages: fastavro 1.13.1, avro 1.12.2 (PyPI), Python 3.11.
# Expected before the run: an error for a text in a boolean, a fraction in an integer, a text in a list of texts and an
# unknown key of a record; and the union ["null", "float", "long"] takes an integer as long.
# Seen: fastavro writes "no" as true, 1.7 as 1, "abc" as ["a", "b", "c"], and the record without the unknown key. In a
# union, an integer takes the first number type: 16777217 becomes the float 16777216, and 2**53 + 1 in ["double",
# "long"] is one less. A datetime without a zone is moved by the zone of the machine. With validator=True it refuses
# the first three, with strict=True only the fourth. avro 1.12.2 refuses each of them, and takes long.
# Why it matters: the data satisfies the schema, but consent is true, prices are cut and ids are off by one. Neither
# option finds the ids: put long before float and double.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check fastavro==1.13.1 avro==1.12.2
cat > run.py <<'PYTHON'
import datetime, io, json
import avro.datafile, avro.io, avro.schema, fastavro

CASES = [
    ("boolean", "no"),
    ("int", 1.7),
    ({"type": "array", "items": "string"}, "abc"),
    ({"type": "record", "name": "Inner", "fields": [{"name": "a", "type": "int"}]}, {"a": 1, "b": 2}),
    (["null", "float", "long"], 16_777_217),
    (["double", "long"], 2**53 + 1),
    ({"type": "long", "logicalType": "timestamp-millis"}, datetime.datetime(2024, 1, 1)),
]

def read_back(schema, value, **options):
    file = io.BytesIO()
    try:
        if options == {"package": "avro"}:
            writer = avro.datafile.DataFileWriter(file, avro.io.DatumWriter(), avro.schema.parse(json.dumps(schema)))
            writer.append({"x": value})
            writer.flush()
        else:
            fastavro.writer(file, schema, [{"x": value}], **options)
    except Exception as error:
        return type(error).__name__
    return next(fastavro.reader(io.BytesIO(file.getvalue())))["x"]

for kind, value in CASES:
    schema = {"type": "record", "name": "Row", "fields": [{"name": "x", "type": kind}]}
    options = {}, {"validator": True}, {"strict": True}, {"package": "avro"}
    print(*(read_back(schema, value, **option) for option in options), sep=" | ")
PYTHON
TZ=Asia/Tokyo venv/bin/python run.py | tee seen
diff seen - <<'SEEN'
True | ValidationError | True | AvroTypeException
1 | ValidationError | 1 | AvroTypeException
['a', 'b', 'c'] | ValidationError | ['a', 'b', 'c'] | AvroTypeException
{'a': 1} | {'a': 1} | ValueError | AvroTypeException
16777216.0 | 16777216.0 | 16777216.0 | 16777217
9007199254740992.0 | 9007199254740992.0 | 9007199254740992.0 | 9007199254740993
2023-12-31 15:00:00+00:00 | 2023-12-31 15:00:00+00:00 | 2023-12-31 15:00:00+00:00 | AvroTypeException
SEEN
