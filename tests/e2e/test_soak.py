"""A fleet that is disturbed all the time, for as long as `--soak-minutes` says (`make soak`: two hours)."""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random

import pytest
from tests.figures import Record
from tests.servers import NatsServer, PostgresServer
from tests.support.soak import PORTALS, Soak, examine, keep_evidence, now_text
from tests.support.soak_faults import Faults
from tests.support.stepped_clocks import SteppedClocks

MAX_GROWTH = 1.3
MIN_MINUTES = 30
"""A shorter soak shows no growth of memory, and its figures are not kept."""


@pytest.mark.slow
def test_a_soak_loses_and_doubles_nothing(tmp_path: Path, request: pytest.FixtureRequest, figures: Record) -> None:
    missing = PostgresServer.why_not() or NatsServer.why_not() or SteppedClocks.why_not()
    if missing is not None:
        pytest.skip(missing)
    minutes = float(request.config.getoption("--soak-minutes"))
    pause_seconds = float(request.config.getoption("--soak-pause"))
    seed = Random().randrange(1 << 32)
    tell(f"{now_text()}: a soak of {minutes:g} minutes, a fault each {pause_seconds:g} s, seed {seed}")
    soak = Soak(tmp_path, seed)
    try:
        faults = Faults(soak)
        try:
            faults.run(60 * minutes, pause_seconds, tell)
        finally:
            faults.end()
        began_at = time.monotonic()
        soak.finish()
        drained_seconds = time.monotonic() - began_at
        found = examine(soak)
        if found.different:
            tell(f"everything that may explain it: {keep_evidence(soak, tmp_path)}")
    finally:
        soak.close()
    memory = {name: soak.memory.of(name) for name in Soak.LASTING}
    report = {
        "minutes": round(minutes),
        "nats_server": NatsServer.version(),
        "faults": faults.counts.total(),
        "acknowledged_messages": found.acknowledged,
        "lost": len(found.lost),
        "doubled": len(found.doubled),
        "deliveries_unlike_the_oracle": len(found.different),
        **{f"deliveries_{state}": count for state, count in sorted(found.states.items())},
        "longest_upload_seconds": round(max(sender.longest_seconds for sender in soak.senders), 1),
        "seconds_until_all_was_delivered": round(drained_seconds),
        **{
            f"MB_of_a_process_that_{name.partition('-')[0]}s_at_{part}": megabytes
            for name, parts in memory.items()
            for part, megabytes in parts.items()
        },
    }
    tell(json.dumps({"kinds": dict(sorted(faults.counts.items())), "failed starts": faults.failed_starts}, indent=2))
    if minutes >= MIN_MINUTES:
        figures(**report)
    else:
        tell(json.dumps(report, indent=2))
    for line in found.different[:20]:
        tell(line)
    assert (found.lost, found.doubled, found.different) == ([], [], [])
    assert sum(found.states.values()) == found.acknowledged * PORTALS // len(soak.senders)
    if minutes >= MIN_MINUTES:
        assert all(part["end"] <= MAX_GROWTH * part["start"] for part in memory.values()), memory


def tell(text: str) -> None:
    print(text, flush=True)
