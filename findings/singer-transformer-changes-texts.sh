#!/usr/bin/env bash
# singer-python's Transformer, which Singer taps use for each record, turns texts into other values and raises nothing.
#
# Package: singer-python 6.8.0 (PyPI), Python 3.11.
# Expected before the run: it converts a text only if the text says the same (boolean "0", "no": False or an error;
# integer 1.9 and number "1,5": an error), and a text stays a text where the schema allows texts.
# Seen: each text but "" and "false" is True, so "no", "0" and " false" are True. A comma is deleted from a number, so
# the European "1,5" becomes 15. The integer of 1.9 is 1. Of several types the first that fits wins, not the nearest:
# with integer before string, the phone number loses its plus and the postal code its zeros; with boolean before
# string, all texts are True. "May" in a date-time field takes its year and its day from the day of the run.
# Why it matters: consent flags, prices, phone numbers and postal codes arrive changed, and the load is green. The same
# record gives other values if somebody sorts the types in the schema.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check singer-python==6.8.0
"$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/seen"
import datetime

from singer import Transformer


def transformed(value, *types, **more):
    schema = {"type": "object", "properties": {"field": {"type": list(types), **more}}}
    return Transformer().transform({"field": value}, schema)["field"]


for text in ("no", "0", " false", "false", ""):
    print("boolean", repr(text), transformed(text, "null", "boolean"))
for value in (1.9, "1,5"):
    print("integer", repr(value), transformed(value, "null", "integer"))
for text in ("+491701234567", "01067"):
    for types in (("integer", "string"), ("string", "integer"), ("boolean", "string")):
        print(*types, repr(text), repr(transformed(text, "null", *types)))
may = transformed("May", "null", "string", format="date-time")
print("date-time 'May'", may.replace(str(datetime.date.today().year), "YEAR", 1)[:7])
PYTHON
diff "$folder/seen" - <<'SEEN'
boolean 'no' True
boolean '0' True
boolean ' false' True
boolean 'false' False
boolean '' False
integer 1.9 1
integer '1,5' 15
integer string '+491701234567' 491701234567
string integer '+491701234567' '+491701234567'
boolean string '+491701234567' True
integer string '01067' 1067
string integer '01067' '01067'
boolean string '01067' True
date-time 'May' YEAR-05
SEEN
