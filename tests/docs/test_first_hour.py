"""What people stumble over in their first hour, each with the tests that hold that it stays mended."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hubwire.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_PATH = "integration/console/test_first_path.py"
HELD: dict[str, tuple[str, ...]] = {
    "a sandbox takes no real destination": (
        f"{FIRST_PATH}::test_a_sandbox_takes_no_real_destination_from_the_console",
        f"{FIRST_PATH}::test_a_sandbox_takes_no_real_destination_from_the_api",
        f"{FIRST_PATH}::test_a_sandbox_takes_no_real_destination_from_a_command_or_a_file",
    ),
    "a page changes only what it shows": (f"{FIRST_PATH}::test_the_modes_page_changes_only_the_sources_that_it_shows",),
    "a token is tried before it replaces a good one": (
        f"{FIRST_PATH}::test_a_token_that_hubspot_refuses_replaces_no_good_one",
        "integration/ops/test_hub_ids.py::test_a_refused_token_is_announced_once_and_stops_the_destination",
    ),
    "a second destination of one portal is warned of": (
        f"{FIRST_PATH}::test_a_second_destination_of_one_portal_is_warned_of",
    ),
    "a command knows the alerts of the server": (
        "integration/console/test_alerts_page.py::test_a_command_beside_the_server_knows_its_settings",
    ),
    "a person is all their known ids": (
        "integration/console/test_who.py::"
        "test_a_person_is_all_their_known_ids_on_the_page_and_in_the_lists_it_leads_to",
    ),
    "creating what exists succeeds": (
        "contract/test_hubspot_client.py::test_a_plan_whose_definition_was_made_meanwhile_is_carried_out_all_the_same",
        "integration/ops/test_schema.py::test_an_event_that_exists_gets_the_properties_that_it_lacks",
    ),
    "a deleted person leaves no failures and no backlog": (
        "integration/console/test_pages.py::test_an_erased_message_is_no_failure",
        "integration/console/test_statistics.py::test_erased_messages_leave_no_backlog_in_the_past",
    ),
    "the estimated time of a replay counts its slices": (
        "integration/console/test_changes.py::test_an_estimate_plans_the_newest_and_takes_the_rest_to_cost_as_much",
    ),
    "the emulator takes lists and names": (
        "integration/test_pytest_plugin.py::test_scopes_are_taken_as_text_and_as_any_collection",
        "integration/test_pytest_plugin.py::test_custom_objects_are_taken_by_name",
    ),
    "the emulator's page leads to an index of its control plane": (
        "browser/test_emulator_page.py::test_a_row_opens_and_its_links_lead_to_records",
    ),
    "the README's emulator does not collide with make run": (
        "docs/test_first_hour.py::test_the_emulator_of_the_readme_has_a_port_of_its_own",
        "docs/test_emulator_docs.py::test_the_five_lines_work_as_they_are_pasted",
    ),
    "numbers of calls say what they count": (
        "integration/console/test_pages.py::test_numbers_of_calls_say_what_they_count",
    ),
    "every way to compare fields counts the same messages": (
        "integration/console/test_pages.py::test_console_api_and_command_compare_the_same_messages",
    ),
    "a time to come is called a next attempt, and a stopped destination is not all well": (
        "integration/console/test_pages.py::test_a_stopped_destination_shows_its_next_attempt",
        "integration/console/test_pages.py::"
        "test_the_overview_does_not_say_that_all_is_well_while_a_destination_is_stopped",
    ),
    "the labels of a chart do not overlap": (
        "unit/console/test_looks.py::test_a_time_axis_has_at_most_six_labels_at_full_hours_or_days",
        "browser/test_console_looks.py::test_a_page_looks_as_it_should",
    ),
}


@pytest.mark.parametrize("point", HELD)
def test_each_point_has_a_test_that_holds_it(point: str) -> None:
    for test in HELD[point]:
        file, _, name = test.partition("::")
        assert f"def {name}" in (ROOT / "tests" / file).read_text(encoding="utf-8"), test


def test_the_emulator_of_the_readme_has_a_port_of_its_own() -> None:
    [port] = re.findall(r"hubwire emulator --port (\d+)", README)
    assert int(port) not in (Settings().port, Settings().emulator_port)
