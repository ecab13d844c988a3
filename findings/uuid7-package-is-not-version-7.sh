#!/usr/bin/env bash
# The PyPI package uuid7 makes ids that call themselves version 7, but hold seconds where RFC 9562 has milliseconds.
#
# Packages: uuid7 0.1.0, uuid6 2025.0.1 (PyPI), Python 3.11.
# Expected before the run: the first 48 bits are Unix milliseconds, as in each other library, because the version
# digit says 7; so the ids of several services sort by time.
# Seen: the version and the variant are right, so the ids pass each validation, but the package follows the draft of
# October 2021: a second adds 4096, not 1000, to the first 48 bits. Read as RFC 9562, an id of January 2026 is of 2199,
# and sorts after each id that another library makes today. In the other direction, the package's own
# uuid_to_datetime takes an RFC id of January 2026 for September 1983.
# Why it matters: message ids, keys and partitions by time rely on that order. A retention job that reads the time
# from the id keeps these rows for 173 years; a consumer that remembers the highest id skips everybody else's.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uuid7==0.1.0 uuid6==2025.0.1
"$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/seen"
import datetime
import uuid

import uuid6
import uuid_extensions

MOMENT = 1_767_225_600  # 2026-01-01T00:00:00Z


def months(milliseconds):
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC).strftime("%Y-%m")


first, second = (uuid_extensions.uuid7((MOMENT + seconds) * 10**9) for seconds in (0, 1))
print("version", first.version, "variant is RFC's:", first.variant == uuid.RFC_4122)
print("read as RFC 9562:", months(uuid6.UUID(str(first)).time))
print("a second adds", (second.int >> 80) - (first.int >> 80))
rfc = uuid.UUID(int=(MOMENT * 1000 << 80) | (7 << 76) | (2 << 62))
by_uuid7 = uuid_extensions.uuid_to_datetime(rfc)
print("an RFC id read by uuid6:", months(uuid6.UUID(str(rfc)).time), "by uuid7:", f"{by_uuid7:%Y-%m}")
print("sorts after uuid6's id of today:", str(first) > str(uuid6.uuid7()))
PYTHON
diff "$folder/seen" - <<'SEEN'
version 7 variant is RFC's: True
read as RFC 9562: 2199-05
a second adds 4096
an RFC id read by uuid6: 2026-01 by uuid7: 1983-09
sorts after uuid6's id of today: True
SEEN
