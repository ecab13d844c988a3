"""The README's way from the printed link to a contact in the emulated HubSpot, in a fresh sandbox, within a minute."""

from __future__ import annotations

import re
import time
from pathlib import Path

from playwright.sync_api import Browser, expect
from tests.browser.console_world import World, person
from tests.support.process import HubwireProcess

from hubwire.testing import Emulator

FIRST_MINUTE_SECONDS = 60
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_first_steps_of_the_readme_take_less_than_a_minute(tmp_path: Path, browser: Browser) -> None:
    assert "*Getting started*, *First message*, *Send it*" in " ".join(README.split())
    with HubwireProcess(tmp_path) as process:
        process.await_output("a link that signs you in once")
        context = person(browser)
        page = context.new_page()
        begun = time.monotonic()
        page.goto(World(process, Emulator()).sign_in_link())
        for step in ("Getting started", "First message"):
            page.get_by_role("link", name=step, exact=True).click()
        page.get_by_label("E-mail").fill("reader@initech.example")
        page.get_by_role("button", name="Send it").click()
        expect(page.locator("#message")).to_contain_text("Delivered")
        page.get_by_role("link", name="Open the emulated HubSpot").click()
        expect(page.locator("#contacts")).to_contain_text("reader@initech.example")
        assert time.monotonic() - begun < FIRST_MINUTE_SECONDS
        page.go_back()
        page.locator(".outcome .facts").get_by_role("link", name="reader@initech.example").click()
        expect(page.locator("tr:target")).to_contain_text("reader@initech.example")
        context.close()


def test_the_readme_needs_five_steps_from_a_clone_to_the_contact() -> None:
    steps = README.partition("in five steps:")[2].partition("`make run` also prints")[0]
    assert re.findall(r"^(\d)\. ", steps, re.MULTILINE) == ["1", "2", "3", "4", "5"]
