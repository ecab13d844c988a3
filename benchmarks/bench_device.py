"""Measures bytes, and the time until a page is ready: Hubwire's one script and the classic layout, in Chromium.

    python benchmarks/bench_device.py [--runs N] [--round-trip-ms MS]

Both layouts (device_layouts.py) serve the same page: Segment's snippet, `page`, `identify`, `track`. The layouts take
turns, each time with a new browser profile; the figures are medians. The clock starts with the navigation. "ready" is
the moment when the callback of `analytics.ready` runs; in both layouts, it waits for HubSpot's tracking code and Forms
SDK. "first event" is the moment when the first upload leaves the page. The figures without the Forms SDK are for
information only: HubSpot's own two scripts, in sequence, then take most of the time, and the classic layout does not
load the first of them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from starlette.applications import Starlette

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser.conftest import FLAGS
from tests.browser.harness import App, LoopbackServer

from device_layouts import (
    INTEGRATION_BYTES,
    PATHS,
    SOURCE,
    VENDOR_BYTES,
    Distance,
    Places,
    TimedConnection,
    chunk_of,
    classic_settings,
    routes,
    standalone,
)
from hubwire.device.assets import Assets, load_assets
from hubwire.device.build import ensure_built
from hubwire.device.bundle import bundle

WHOLE_LIMIT, PLUGIN_LIMIT, SOONER_PERCENT = 33_000, 2_200, 25.0


@dataclass
class Layout:
    name: str
    url: str
    ready_ms: list[float] = field(default_factory=list)
    first_event_ms: list[float] = field(default_factory=list)
    requests: int = 0
    transferred: int = 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Bytes and time to a ready page, beside the classic layout.")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--round-trip-ms", type=float, default=60.0)
    options = parser.parse_args()
    ensure_built()
    assets = load_assets()
    chromium = shutil.which("chromium")
    if assets is None or chromium is None:
        print("needs the browser files and chromium (apt-get install chromium)", file=sys.stderr)
        return 1
    fits = print_bytes(assets)
    layouts: list[Layout] = []

    def app_for(port: int) -> App:
        places = Places(port)
        for path in PATHS:
            layouts.append(Layout(path.strip("/"), f"{places.pages}{path}"))
        return Distance(Starlette(routes=routes(places, assets)), options.round_trip_ms)

    with LoopbackServer(app_for, http=TimedConnection), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for run in range(options.runs + 1):
            for layout in layouts:
                measure(browser, layout, is_warm_up=run == 0)
        browser.close()
    print(f"{options.round_trip_ms:.0f} ms round trips, {options.runs} cold loads each, in turn:")
    sooner = compare(*layouts[:2])
    print(f"  {'':14} wanted: ready at least {SOONER_PERCENT:.0f} % sooner")
    compare(*layouts[2:])
    return 0 if fits and sooner >= SOONER_PERCENT else 1


def print_bytes(assets: Assets) -> bool:
    whole, plugin = len(bundle(SOURCE, assets).gzip), len(assets.plugin.gzip)
    classic = {
        "standalone.js": len(gzip.compress(standalone(), 9)),
        "settings": len(gzip.compress(json.dumps(classic_settings(Places(80), "")).encode(), 9)),
        "ajs-destination chunk": len(chunk_of(assets).gzip),
        "integration": INTEGRATION_BYTES,
        "vendor file": VENDOR_BYTES,
    }
    print("bytes, gzipped:")
    print(f"  Hubwire {whole:,} in 1 request (wanted: at most {WHOLE_LIMIT:,}); the plugin alone {plugin:,} ", end="")
    print(f"(wanted: at most {PLUGIN_LIMIT:,})")
    parts = ", ".join(f"{name} {size:,}" for name, size in classic.items())
    print(f"  classic {sum(classic.values()):,} in {len(classic)} requests: {parts}")
    return whole <= WHOLE_LIMIT and plugin <= PLUGIN_LIMIT


FIRST_UPLOAD = (
    "Math.min(...performance.getEntriesByType('resource').filter((e) => /cdn.*v1.[a-z]$/.test(e.name))"
    ".map((e) => e.startTime))"
)
FILES = (
    "performance.getEntriesByType('resource').filter((e) => /cdn/.test(e.name) && !/v1.[a-z]$/.test(e.name))"
    ".map((e) => e.encodedBodySize)"
)


def measure(browser: Browser, layout: Layout, *, is_warm_up: bool) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(layout.url)
    page.wait_for_function("window.readyAfter")
    page.wait_for_function(f"Number.isFinite({FIRST_UPLOAD})")
    if not is_warm_up:
        layout.ready_ms.append(page.evaluate("readyAfter"))
        layout.first_event_ms.append(page.evaluate(FIRST_UPLOAD))
    found = page.evaluate(FILES)
    layout.requests, layout.transferred = len(found), sum(found)
    context.close()


def compare(ours: Layout, classic: Layout) -> float:
    """Prints both; by how many percent ours is ready sooner."""
    for layout in (ours, classic):
        ready, first_event = statistics.median(layout.ready_ms), statistics.median(layout.first_event_ms)
        print(
            f"  {layout.name:14} ready {ready:5.0f} ms ({min(layout.ready_ms):.0f} to {max(layout.ready_ms):.0f}), ",
            end="",
        )
        print(f"first event {first_event:4.0f} ms, {layout.requests} requests, {layout.transferred:,} bytes")
    sooner = [percent(ours.ready_ms, classic.ready_ms), percent(ours.first_event_ms, classic.first_event_ms)]
    print(f"  {'':14} ready {sooner[0]:.0f} % sooner, first event {sooner[1]:.0f} % sooner")
    return sooner[0]


def percent(ours: list[float], classic: list[float]) -> float:
    return 100 * (1 - statistics.median(ours) / statistics.median(classic))


if __name__ == "__main__":
    sys.exit(main())
