"""Real Chromium (Debian's) through Playwright. Without Chromium the folder is skipped, and one line says so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.browser.harness import Host, LoopbackServer, Visit

from hubwire.device.assets import Assets, load_assets
from hubwire.device.build import ensure_built
from hubwire.device.node import BuildFailed

REBOUND = "rebound.test"
"""A name of somebody else that leads to this machine, as after DNS rebinding."""
FLAGS = [
    f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed (apt-get install chromium): no browser test runs")
    return path


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """One Chromium for a module. Not for the session: Playwright's loop would be in the way of asynchronous tests."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium_path,
            args=FLAGS,
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def assets() -> Assets:
    try:
        ensure_built()
    except BuildFailed as problem:
        pytest.skip(f"the browser files cannot be built here: {problem}")
    built = load_assets()
    assert built is not None
    return built


@pytest.fixture(scope="session")
def running_host(assets: Assets) -> Iterator[Host]:
    host = Host(assets)
    with LoopbackServer(lambda _: host.app()) as server:
        host.origin = f"http://127.0.0.1:{server.port}"
        host.site = f"http://www.localhost:{server.port}"
        yield host


@pytest.fixture
def host(running_host: Host) -> Host:
    running_host.reset()
    return running_host


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    context = browser.new_context(ignore_https_errors=True, timezone_id="America/New_York")
    context.set_default_timeout(15_000)
    new_visit = Visit(context)
    yield new_visit
    context.close()
    foreign = [url for url in new_visit.requests if "segment" in url.split("?")[0].split("/")[2]]
    assert not foreign, f"asked Segment: {foreign}"
