#!/usr/bin/env bash
# The same Liquid template gives other numbers in LiquidJS, which Segment runs, than in python-liquid.
#
# Packages: liquidjs 10.30.1 (npm, Node 20), python-liquid 2.2.0 (PyPI, Python 3.11).
# Expected before the run: Shopify's results in both, that is 3 for 7 divided by 2, "1.0" for 1.0, and halves rounded up.
# Seen: LiquidJS divides integers to fractions and prints 1.0 as 1; python-liquid rounds 2.5 to the even 2. Neither
# agrees with Shopify on all lines. A split at a blank keeps empty parts in LiquidJS, and an object prints as
# JavaScript's [object Object] there and as Python's repr here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check python-liquid==2.2.0
npm install --silent --no-audit --no-fund --prefix . liquidjs@10.30.1 > npm.log 2>&1
cat > templates.txt <<'TEMPLATES'
{{ 7 | divided_by: 2 }}
{{ 1.0 }}
{{ 2.5 | round }}
{{ 10 | modulo: 3.5 }}
{{ 0.1 | plus: 0.2 }}
{{ "a  b" | split: " " | size }}
{{ o }}
TEMPLATES
cat > run.js <<'JS'
const { Liquid } = require('liquidjs')
const engine = new Liquid()
for (const line of require('fs').readFileSync('templates.txt', 'utf8').trim().split('\n'))
  console.log(line, engine.parseAndRenderSync(line, { o: { a: 1 } }))
JS
cat > run.py <<'PYTHON'
from liquid import Environment

for line in open("templates.txt"):
    print(line.strip(), Environment().from_string(line.strip()).render(o={"a": 1}))
PYTHON
paste -d '|' <(node run.js | sed 's/.*}} //') <(venv/bin/python run.py | sed 's/.*}} //') | tee seen
diff seen - <<'SEEN'
3.5|3
1|1.0
3|2
3|3.0
0.30000000000000004|0.3
3|2
[object Object]|{'a': 1}
SEEN
