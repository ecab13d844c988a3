#!/usr/bin/env bash
# Segment's Facade, which its classic and device mode destinations read events with, gives other revenues and dates.
#
# Package: @segment/facade 3.4.10 (npm), Node 20.
# Expected before the run: revenue() is the number, or undefined for a text that is none; 0 is a revenue; properties()
# returns the values that were sent.
# Seen: the reading stops at the first comma, so "1,000.50" is 1; "10 €" is 10, but "€10" is undefined. A revenue of
# 0 is undefined, and for "Order Completed" it is the total instead, while "0" is 0. A missing currency is USD. A text
# that looks like a date becomes a Date: "2024-01-01" is midnight UTC, "2024-02-30" is the first of March, and a time
# without an offset is one of the server's zone.
# Why it matters: free orders count with their list price, thousands become ones, and dates move, in each destination
# that is built on it. A destination that maps the raw event reports other figures for the same events.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . @segment/facade@3.4.10 > npm.log 2>&1
cat > run.js <<'JS'
const { Track } = require('@segment/facade')
for (const revenue of ['1,000.50', '$1,000', '10 €', '€10', 0, '0']) {
  const properties = { revenue, total: 49 }
  const [other, order] = ['Paid', 'Order Completed'].map((event) => new Track({ event, properties }))
  console.log(JSON.stringify(revenue), other.revenue(), order.revenue(), order.currency())
}
for (const text of ['2024-01-01', '2024-02-30', '2024-01-01 10:00', '2024-01', '20240101']) {
  const value = new Track({ event: 'Paid', properties: { text } }).properties().text
  console.log(JSON.stringify(text), value instanceof Date ? value.toISOString() : JSON.stringify(value))
}
JS
TZ=America/New_York node run.js | tee seen
diff seen - <<'SEEN'
"1,000.50" 1 1 USD
"$1,000" 1 1 USD
"10 €" 10 10 USD
"€10" undefined undefined USD
0 undefined 49 USD
"0" 0 0 USD
"2024-01-01" 2024-01-01T00:00:00.000Z
"2024-02-30" 2024-03-01T00:00:00.000Z
"2024-01-01 10:00" 2024-01-01T15:00:00.000Z
"2024-01" "2024-01"
"20240101" "20240101"
SEEN
