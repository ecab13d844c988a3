#!/usr/bin/env bash
# Segment's trigger package accepts triggers whose meaning it changes, and reports no error.
#
# Package: @segment/destination-subscriptions 3.37.0 (npm), Node 20. generateFql prints back what parseFql understood.
# Expected before the run: "and" binds tighter than "or", "not" negates or is refused, null means null for each field,
# and a trigger that ends with "and" is an error. Seen: the last operator of a level replaces all others; "not" is
# dropped, so the trigger means its opposite; "event != null" compares with the text "null", while "userId = null" asks
# whether there is one; a trailing "and" is ignored; single quotes become part of the value.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . @segment/destination-subscriptions@3.37.0 > npm.log 2>&1
cat > run.js <<'JS'
const { parseFql, generateFql } = require('@segment/destination-subscriptions')
const triggers = [
  'type = "track" or event = "X" and event = "Y"',
  'event = "X" and event = "Y" or type = "track"',
  'not event = "X"',
  'event != null',
  'userId = null',
  'type = "track" and',
  "event = 'X'",
]
for (const trigger of triggers) {
  const read = parseFql(trigger)
  console.log(read.error ? `error: ${read.error.message}` : generateFql(read))
}
JS
node run.js | tee seen
diff seen - <<'SEEN'
type = "track" and event = "X" and event = "Y"
event = "X" or event = "Y" or type = "track"
event = "X"
event != "null"
userId = null
type = "track"
event = "'X'"
SEEN
