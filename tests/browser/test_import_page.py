"""An admin drops files in the console: a preview first, a correction, then the import, and the messages arrive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.console_world import ADMIN_TOKEN, HUBSPOT_TOKEN, World, axe_script, person, violations
from tests.browser.harness import eventually
from tests.support.process import HubwireProcess

from hubwire.testing import running_emulator

CSV = "Work address,first_name,created_at,shoe\nada@example.com,Ada,2024-03-01,38\nbob@example.com,Bob,2024-03-02,\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_emulator(access_token=HUBSPOT_TOKEN) as emulator:
        settings = {"HUBWIRE_ADMIN_TOKEN": ADMIN_TOKEN, "HUBSPOT_ACCESS_TOKEN": HUBSPOT_TOKEN}
        with HubwireProcess(tmp_path_factory.mktemp("import"), emulator.base_url, **settings) as process:
            yield World(process, emulator)


@pytest.fixture
def page(world: World, browser: Browser) -> Iterator[Page]:
    with person(browser) as context:
        page = context.new_page()
        world.sign_in(page)
        yield page


def dropped(page: Page, world: World, path: Path) -> None:
    page.goto(f"{world.url}/import")
    page.get_by_label("Files").set_input_files(path)
    page.wait_for_url("**/import/*")


def corrected(page: Page) -> None:
    page.get_by_label("Type of the rows").select_option("identifies")
    page.get_by_label("Fields of columns").fill("Work address=email")
    page.get_by_role("button", name="Preview again").click()


def test_a_dropped_file_is_previewed_corrected_and_imported(world: World, page: Page, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(CSV)
    dropped(page, world, path)
    expect(page.locator(".notice.fail")).to_contain_text("no column names people")
    corrected(page)
    expect(page.get_by_text("2 rows become 2 identify")).to_be_visible()
    expect(page.get_by_label("Field of shoe")).to_have_value("traits.shoe")
    page.get_by_label("Field of shoe").fill("")
    page.get_by_role("button", name="Preview again").click()
    expect(page.get_by_label("Field of shoe")).to_have_value("")
    assert world.emulator.contacts() == [], "a preview sends nothing"
    assert violations(page, axe_script(Path(__file__).parent)) == []
    page.get_by_role("button", name="Import 2 messages").click()
    expect(page.get_by_text("Messages imported")).to_be_visible()
    eventually(
        lambda: {c["properties"]["email"] for c in world.emulator.contacts()} == {"ada@example.com", "bob@example.com"},
        "both contacts",
    )
    dropped(page, world, path)
    corrected(page)
    page.get_by_role("button", name="Import 2 messages").click()
    expect(page.locator("dl.facts", has_text="Already known")).to_contain_text("2")


def test_an_empty_file_is_named_and_the_others_are_sent(world: World, page: Page, tmp_path: Path) -> None:
    (tmp_path / "none.csv").touch()
    (tmp_path / "some.csv").write_text("email\nada@example.com\n")
    page.goto(f"{world.url}/import")
    page.get_by_label("Files").set_input_files([tmp_path / "none.csv", tmp_path / "some.csv"])
    expect(page.get_by_role("status")).to_have_text(
        "Not sent: none.csv is empty. Reload this page to see the other files."
    )
    page.reload()
    expect(page.get_by_role("link", name="some.csv")).to_be_visible()


def test_a_file_of_something_else_is_refused_with_its_columns(world: World, page: Page, tmp_path: Path) -> None:
    path = tmp_path / "weather.csv"
    path.write_text("station,degrees\nOslo,-3\n")
    dropped(page, world, path)
    expect(page.get_by_text("Refused")).to_be_visible()
    expect(page.locator(".notice.fail")).to_contain_text("station")
    assert str(world.process.folder) not in page.content()
    page.get_by_role("button", name="Remove the file").click()
    page.wait_for_url("**/import?done=removed")
    expect(page.get_by_text("weather.csv")).to_have_count(0)
