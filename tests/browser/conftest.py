"""Real Chromium (Debian's) through Playwright. Without Chromium the whole folder is skipped, with one line that says so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from hubwire.device.assets import Assets, load_assets
from hubwire.device.build import ensure_built
from tests.browser.harness import Host, LoopbackServer

FLAGS = [
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


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Browser]:
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
    ensure_built()
    built = load_assets()
    assert built is not None
    return built


@pytest.fixture(scope="session")
def running_host(assets: Assets) -> Iterator[Host]:
    host = Host(assets)
    with LoopbackServer(host.routes()) as server:
        host.origin = f"http://127.0.0.1:{server.port}"
        host.site = f"http://www.localhost:{server.port}"
        yield host


@pytest.fixture
def host(running_host: Host) -> Host:
    running_host.reset()
    return running_host


class Visit:
    """A fresh browser profile with one tab, and everything that it asked for or complained of."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.requests: list[str] = []
        self.complaints: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page: Page = context.new_page()
        self.page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))

    def open(self, url: str) -> Page:
        self.page.goto(url)
        return self.page

    def asked_for(self, part: str) -> list[str]:
        return [url for url in self.requests if part in url]

    def evaluate(self, script: str) -> Any:
        return self.page.evaluate(script)

    def is_ready(self) -> None:
        """Returns when `analytics.ready` has called back."""
        self.page.evaluate("new Promise((done) => analytics.ready(done)).then(() => {})")


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    context = browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(15_000)
    made = Visit(context)
    yield made
    context.close()
    foreign = [url for url in made.requests if "segment" in url.split("?")[0].split("/")[2]]
    assert not foreign, f"asked Segment: {foreign}"
