"""The page of SDKs names the versions that the tests run with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SDK = ROOT / "tests" / "contract" / "sdk"
PAGE = (ROOT / "docs" / "sdks.md").read_text(encoding="utf-8")


def found(pattern: str, path: Path) -> str:
    match = re.search(pattern, path.read_text(encoding="utf-8"))
    assert match, f"{pattern} is not in {path}"
    return match[1]


def versions() -> dict[str, list[str]]:
    """SDK as the page names it -> versions in the tests."""
    node = json.loads((SDK / "node" / "package.json").read_text(encoding="utf-8"))["dependencies"]
    pom = SDK / "java" / "pom.xml"
    recorded = {path.stem.removesuffix("-gzip") for path in (SDK / "recorded").glob("*.http")}
    return {
        "segment-analytics-python": [
            found(r"segment-analytics-python==([\d.]+)", SDK / "conftest.py"),
            found(r"segment-analytics-python==([\d.]+)", ROOT / "constraints.txt"),
        ],
        **{name: [version] for name, version in node.items()},
        "analytics-go/v3": [found(r"analytics-go/v3 v([\d.]+)", SDK / "go" / "go.mod")],
        "com.segment.analytics.java": [found(r"analytics</artifactId>\s*<version>([\d.]+)", pom)],
        "analytics-kotlin": [found(r"core</artifactId>\s*<version>([\d.]+)", pom)],
        **{name: [version] for name, _, version in (row.rpartition("-") for row in recorded)},
    }


@pytest.mark.parametrize(("name", "tested"), sorted(versions().items()))
def test_the_versions_of_the_page_are_those_of_the_tests(name: str, tested: list[str]) -> None:
    [row] = re.findall(rf"^\|[^|]*`{re.escape(name)}`[^|]*\|([^|]*)\|", PAGE, re.MULTILINE)
    assert re.findall(r"\d+\.\d+\.\d+", row) == tested


CLIENTS = (
    "@customerio/cdp-analytics-browser",
    "@customerio/cdp-analytics-node",
    "@expo/rudder-sdk-node",
    "@ht-sdks/events-sdk-js-browser",
    "@jitsu/js",
    "@june-so/analytics-next",
    "@rudderstack/analytics-js",
    "@rudderstack/analytics-js-service-worker",
    "@rudderstack/rudder-sdk-node",
    "@segment/analytics-consent-tools",
    "analytics-node",
    "apache-airflow-providers-segment",
    "cdp-analytics-go",
    "com.rudderstack.sdk.java.analytics",
    "customerio-cdp-analytics",
    "events-sdk-python",
    "journify-python-sdk",
    "june-analytics-python",
    "rudder-sdk-js",
    "rudder-sdk-python",
    "rudderanalytics",
    "rudderlabs/analytics-go",
    "segment",
    "segmentio",
)
"""Clients that were tried beside Segment's own SDKs."""


@pytest.mark.parametrize("name", CLIENTS)
def test_every_client_that_was_tried_has_a_row_with_version_setting_and_refusals(name: str) -> None:
    [row] = re.findall(rf"^\|[^|\n]*`{re.escape(name)}`[^|\n]*\|.*\|$", PAGE, re.MULTILINE)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert len(cells) == 5
    assert all(cells)


def test_who_moves_from_segment_hears_first_of_the_client_that_ends_a_process() -> None:
    moving = (ROOT / "docs" / "how-to" / "move-from-segment.md").read_text(encoding="utf-8")
    assert "errorHandler" in moving.partition("## 1.")[0]
