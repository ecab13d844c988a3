#!/usr/bin/env bash
# mypyc compiles a msgspec struct, but msgspec then sees other annotations: a field of any value takes types only.
#
# Packages: mypy 2.4.1 with mypyc, msgspec 0.22.0 (PyPI), Python 3.11, gcc.
# Expected before the run: the same struct as interpreted, or an error when it is compiled.
# Seen: it compiles and imports without a word. `str` and `int` stay. The annotation `Any` is `type` at run time, so
# that decoding {"any": 1} fails with "Expected `type`, got `int`". `str | None` is `type` as well.
# Why it matters: types are checked at run time from annotations by msgspec, pydantic, attrs converters and others. A
# module with such classes cannot be compiled, and nothing says so before the first message.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'mypy[mypyc]==2.4.1' msgspec==0.22.0
cd "$folder"
cat >shapes.py <<'PYTHON'
from typing import Any

import msgspec


class Shape(msgspec.Struct):
    text: str = ""
    number: int = 0
    any: Any = None
    maybe: str | None = None
PYTHON
cat >look.py <<'PYTHON'
import msgspec
import shapes

print(shapes.__file__.rpartition(".")[2], shapes.Shape.__annotations__)
for body in (b'{"text": "a"}', b'{"number": 1}', b'{"any": 1}', b'{"maybe": "a"}'):
    try:
        print(body.decode(), msgspec.json.decode(body, type=shapes.Shape))
    except Exception as exc:
        print(body.decode(), f"{type(exc).__name__}: {exc}")
PYTHON
interpreted=$("$folder/venv/bin/python" look.py)
PATH="$folder/venv/bin:$PATH" "$folder/venv/bin/mypyc" shapes.py >compiling.log 2>&1
compiled=$("$folder/venv/bin/python" look.py)
printf 'interpreted: %s\n\ncompiled: %s\n' "$interpreted" "$compiled"
grep -qF "{\"any\": 1} ValidationError: Expected \`type\`, got \`int\`" <<<"$compiled"
grep -qF "{\"maybe\": \"a\"} ValidationError: Expected \`type\`, got \`str\`" <<<"$compiled"
[ "$(sed -n 2,3p <<<"$compiled")" = "$(sed -n 2,3p <<<"$interpreted")" ]
