#!/usr/bin/env bash
# A function that mypyc compiled rounds a large integer that it gets for a `float` parameter, and refuses a huge one.
#
# Packages: mypy 2.4.1 with mypyc (PyPI), Python 3.11, gcc.
# Expected before the run: the integer arrives as it is, because PEP 484 lets integers stand for floats, or a TypeError
# for every integer.
# Seen: 9007199254740993 arrives as 9007199254740992.0, without a word; 10**400 is a TypeError. A parameter that is
# `int | float` gets the integer itself.
# Why it matters: ids of advertising networks and databases have 16 to 19 digits. A mapping of values that is exact in
# Python changes them once it is compiled, and mypy sees no difference between the two annotations.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'mypy[mypyc]==2.4.1'
cd "$folder"
cat >numbers_.py <<'PYTHON'
def of_float(number: float) -> str:
    return str(number)


def of_either(number: int | float) -> str:
    return str(number)
PYTHON
cat >look.py <<'PYTHON'
import numbers_

for function in (numbers_.of_float, numbers_.of_either):
    for number in (9007199254740993, 10**400):
        try:
            print(function.__name__, function(number)[:20])
        except TypeError as exc:
            print(function.__name__, type(exc).__name__)
PYTHON
interpreted=$("$folder/venv/bin/python" look.py)
PATH="$folder/venv/bin:$PATH" "$folder/venv/bin/mypyc" numbers_.py >compiling.log 2>&1
compiled=$("$folder/venv/bin/python" look.py)
printf 'interpreted:\n%s\ncompiled:\n%s\n' "$interpreted" "$compiled"
[ "$(head -n 2 <<<"$compiled")" = $'of_float 9007199254740992.0\nof_float TypeError' ]
[ "$(tail -n 2 <<<"$compiled")" = "$(tail -n 2 <<<"$interpreted")" ]
