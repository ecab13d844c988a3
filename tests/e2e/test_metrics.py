"""`/metrics` of a process at work."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from tests.support.process import TOKEN, HubwireProcess, ndjson

from hubwire.testing import running_emulator

COMPANIES = 160
"""A search takes about twenty of their domains, and HubSpot five searches a second."""


def read(url: str) -> dict[tuple[str, ...], float]:
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_how_long_calls_waited_for_permits_is_told(tmp_path: Path) -> None:
    messages = []
    for number in range(COMPANIES):
        website = f"{'company' * 7}{number}.com"
        ids = {"userId": f"u{number}", "timestamp": "2026-01-15T10:00:00Z"}
        traits = {"email": f"p{number}@example.com"}
        messages.append({**ids, "type": "identify", "messageId": f"i{number}", "traits": traits})
        group = {"groupId": f"g{number}", "traits": {"website": website}}
        messages.append({**ids, "type": "group", "messageId": f"g{number}", **group})
    with (
        running_emulator(access_token=TOKEN, creates_companies_from_emails=False) as hubspot,
        HubwireProcess(tmp_path, hubspot.base_url) as hubwire,
    ):
        hubwire.run("import", "-", "--source", "server", text=ndjson(messages))
        assert hubwire.drained()["dead"] == 0
        found = read(hubwire.url)
        assert len(hubspot.companies()) == COMPANIES
        assert hubspot.stats()["refused"].get("429", 0) == 0
    destinations = {labels[0] for name, *labels in found if name == "hubwire_permit_wait_seconds_total"}
    assert len(destinations) == 1
    assert 0.5 < found["hubwire_permit_wait_seconds_total", *destinations, "search"] < 10
