"""`hubwire doctor` against the emulator: every line has a case in which it is not ok, and says what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.integration.ops.conftest import HUB, TOKEN, Shell

from hubwire.clock import FakeClock
from hubwire.destination import Destination, Mapping
from hubwire.doctor import Check, ConnectionReport, Health
from hubwire.doctor.features import all_scopes, features
from hubwire.doctor.portal import examine
from hubwire.emulator.store.access import every_scope
from hubwire.hubspot.client import FixedToken, HubSpotClient
from hubwire.hubspot.credentials import oauth_secret
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.tokens import OAuthApp
from hubwire.message import Entry
from hubwire.rule import Rule
from hubwire.secret import Secret
from hubwire.testing import Emulator, running_emulator

NOW = 1_795_000_000_000  # 2026-11


@contextmanager
def scoped_portal(*scopes: str, **config: Any) -> Iterator[Emulator]:
    with running_emulator(access_token=TOKEN, portal_id=HUB, scopes=frozenset(scopes), **config) as emulator:
        yield emulator


async def examined(
    emulator: Emulator, *, token: str = TOKEN, version: str = "2026-09", clock: FakeClock | None = None, **fields: Any
) -> ConnectionReport:
    values: dict[str, Any] = {"hub_id": str(HUB), "base_url": emulator.base_url, **fields}
    destination = Destination(destination_id=1, name="hubspot", api_version=version, **values)
    client = HubSpotClient(destination.base_url, FixedToken(Secret(token)), Paths(version), clock=clock)
    async with client:
        return await examine(destination, Secret(token), client, clock or FakeClock(NOW))


def line(report: ConnectionReport, name: str) -> Check:
    return next(check for check in report.checks if check.name == name)


def unwell(report: ConnectionReport) -> dict[str, Health]:
    """Lines that are not ok, apart from the one that says that this is no HubSpot."""
    return {
        check.name: check.health for check in report.checks if check.health is not Health.OK and check.name != "Address"
    }


async def test_a_well_portal_has_no_line_to_worry_about(emulator: Emulator) -> None:
    report = await examined(emulator)
    assert unwell(report) == {}
    assert (report.hub_id, report.tier, report.time_zone) == (str(HUB), "Enterprise", "UTC")
    assert (report.api_version, report.api_supported_until) == ("2026-09", "2028-03")
    assert report.missing_scopes == []
    assert "190 calls in 10 s" in line(report, "Limits").said


async def test_the_doctor_changes_nothing(emulator: Emulator) -> None:
    await examined(emulator)
    assert emulator.contacts() == []
    assert emulator.companies() == []
    assert emulator.events() == []
    assert emulator.event_definitions() == []
    assert len(emulator.requests()) <= 13


async def test_no_token_at_all(emulator: Emulator) -> None:
    report = await examine(Destination(destination_id=1, name="hubspot"), None, None, FakeClock(NOW))
    assert unwell(report) == {"Access token": Health.FAIL}
    assert "hubwire destination token hubspot" in line(report, "Access token").remedy


async def test_a_token_that_is_not_accepted(emulator: Emulator) -> None:
    report = await examined(emulator, token="pat-na1-revoked")
    assert unwell(report) == {"Access token": Health.FAIL}
    assert "rotated or revoked" in line(report, "Access token").remedy


async def test_an_api_key_of_before_2022_needs_no_call(emulator: Emulator) -> None:
    report = await examined(emulator, token="1b2c3d4e-1234-4abc-9def-0123456789ab")
    assert unwell(report) == {"Access token": Health.FAIL}
    assert emulator.requests() == []


async def test_nobody_answers() -> None:
    nowhere = Destination(destination_id=1, name="hubspot", base_url="http://127.0.0.1:9")
    async with HubSpotClient(nowhere.base_url, FixedToken(Secret(TOKEN)), Paths()) as client:
        report = await examine(nowhere, Secret(TOKEN), client, FakeClock(NOW))
    assert unwell(report) == {"HubSpot": Health.FAIL}


async def test_the_token_of_another_hub(emulator: Emulator) -> None:
    report = await examined(emulator, hub_id="7")
    assert unwell(report) == {"Hub ID": Health.FAIL}
    assert f"--hub-id {HUB}" in line(report, "Hub ID").remedy


async def test_a_hub_that_is_not_known_yet(emulator: Emulator) -> None:
    report = await examined(emulator, hub_id=None)
    assert unwell(report) == {"Hub ID": Health.WARN}
    assert report.hub_id == str(HUB)


async def test_a_region_that_does_not_fit(emulator: Emulator) -> None:
    report = await examined(emulator, region="eu1")
    assert unwell(report) == {"Region": Health.WARN}
    assert "--region na1" in line(report, "Region").remedy


@pytest.mark.parametrize("feature", features(Paths()), ids=lambda feature: feature.name)
async def test_a_missing_scope_is_named_with_what_is_lost(feature: Any) -> None:
    held = set(all_scopes()) - set(feature.scopes)
    if feature.name.startswith("Read"):  # who may write definitions may read them
        held -= {"crm.schemas.contacts.write", "crm.schemas.companies.write"}
    with scoped_portal(*held) as emulator:
        report = await examined(emulator)
    check = line(report, feature.name)
    assert check.health is (Health.FAIL if feature.is_needed else Health.WARN)
    assert feature.lost in check.said
    assert any(scope in check.remedy for scope in feature.scopes)
    assert set(report.missing_scopes) & set(feature.scopes)
    assert set(report.missing_scopes).isdisjoint(held)


async def test_with_all_named_scopes_everything_is_allowed() -> None:
    with scoped_portal(*all_scopes()) as emulator:
        assert unwell(await examined(emulator)) == {}


async def test_custom_events_below_enterprise_are_a_matter_of_the_account() -> None:
    with running_emulator(access_token=TOKEN, portal_id=HUB, tier="professional") as emulator:
        report = await examined(emulator)
    assert unwell(report) == {"Define custom events": Health.WARN, "Send custom events": Health.WARN}
    assert "Enterprise" in line(report, "Send custom events").remedy
    assert report.tier == "Professional"
    assert report.missing_scopes == []


async def test_a_day_that_is_nearly_used_up(emulator: Emulator) -> None:
    emulator.set_limits(daily=16)
    await examined(emulator)
    report = await examined(emulator)
    assert unwell(report)["Limits"] is Health.WARN
    assert "unknown" in line(report, "Send custom events").said


@pytest.mark.parametrize(
    ("version", "day_ms", "health"),
    [
        ("2026-09", NOW, Health.OK),
        ("v3", NOW, Health.WARN),
        ("2026-03", 1_806_000_000_000, Health.WARN),
        ("2026-03", 1_820_000_000_000, Health.FAIL),
    ],
)
async def test_the_end_of_an_api_version_is_told_in_time(
    emulator: Emulator, version: str, day_ms: int, health: Health
) -> None:
    report = await examined(emulator, version=version, clock=FakeClock(day_ms))
    assert line(report, "API version").health is health
    assert (line(report, "API version").remedy != "") is (health is not Health.OK)


@pytest.mark.parametrize(
    ("seconds", "health"), [(0, Health.OK), (90, Health.WARN), (-90, Health.WARN), (3600, Health.FAIL)]
)
async def test_a_clock_that_differs_from_hubspots(emulator: Emulator, seconds: int, health: Health) -> None:
    from hubwire.clock import SystemClock

    clock = FakeClock(SystemClock().now_ms() + seconds * 1000)
    report = await examined(emulator, clock=clock)
    assert line(report, "Clock").health is health


async def test_a_company_key_without_unique_values(emulator: Emulator) -> None:
    emulator.seed(
        properties={
            "companies": [
                {"name": "hubwire_domain", "label": "x", "type": "string", "fieldType": "text",
                 "groupName": "companyinformation"}
            ]
        }
    )  # fmt: skip
    report = await examined(emulator)
    assert unwell(report) == {"Company key": Health.FAIL}


async def test_names_in_the_mapping_that_the_portal_does_not_have(emulator: Emulator) -> None:
    mapping = Mapping(contact={"plan": "no_such_property", "made": "createdate", "first": "firstname", "x": None})
    report = await examined(emulator, mapping=mapping)
    text = [check.said for check in report.checks if check.name == "Mapping"]
    assert len(text) == 2
    assert "createdate, which only HubSpot sets" in text[0]
    assert "no_such_property" in text[1]


async def test_custom_properties_that_run_out(emulator: Emulator) -> None:
    emulator.seed(
        properties={
            "contacts": [
                {"name": f"extra_{number}", "label": "x", "type": "string", "fieldType": "text",
                 "groupName": "contactinformation"}
                for number in range(950)
            ]
        }
    )  # fmt: skip
    report = await examined(emulator)
    assert unwell(report) == {"Custom properties of contacts": Health.WARN}


async def test_the_sandbox_is_named_and_another_address_is_a_warning(emulator: Emulator) -> None:
    assert line(await examined(emulator, is_sandbox=True), "Sandbox").health is Health.OK
    assert line(await examined(emulator), "Address").health is Health.WARN


async def test_an_oauth_app_whose_refresh_token_is_refused(installed: Shell, emulator: Emulator) -> None:
    from hubwire.hubspot.credentials import token_source

    secret = oauth_secret(OAuthApp("emulator-client-id", Secret("emulator-client-secret"), Secret("stale")))
    destination = Destination(destination_id=1, name="hubspot", base_url=emulator.base_url)
    clock = FakeClock(NOW)
    async with HubSpotClient(emulator.base_url, token_source(secret, clock), Paths(), clock=clock) as client:
        report = await examine(destination, secret, client, clock)
    assert unwell(report) == {"Access token": Health.FAIL}
    assert "stale" not in json.dumps([check.said for check in report.checks])


# -- the command


@pytest.fixture
def ready(installed: Shell) -> Shell:
    installed("destination", "add", "hubspot", "--token-stdin", stdin=TOKEN)
    installed("source", "add", "api", "--kind", "server")
    return installed


def sections(shell: Shell, *options: str) -> dict[str, dict[str, Any]]:
    ran = shell("doctor", "--json", *options)
    return {section["title"]: {check["name"]: check for check in section["checks"]} for section in ran.json["sections"]}


def test_the_command_prints_every_line_and_exits_0(ready: Shell) -> None:
    ran = ready("doctor")
    assert ran.code == 0
    assert "Write contacts: allowed" in ran.out
    assert TOKEN not in ran.out


def test_a_failed_line_is_exit_code_1_and_offline_asks_nobody(ready: Shell, emulator: Emulator) -> None:
    ready("destination", "token", "hubspot", "--unchecked", "--token-stdin", stdin="pat-na1-revoked")
    assert ready("doctor").code == 1
    calls = len(emulator.requests())
    assert ready("doctor", "--offline").code == 0
    assert len(emulator.requests()) == calls


def test_a_key_file_that_others_can_read_fails(ready: Shell) -> None:
    path = Path("data/secret.key")
    path.chmod(0o644)
    check = sections(ready, "--offline")["Safety"]["Secret key"]
    assert (check["health"], check["remedy"]) == ("fail", f"chmod 600 {path}")


def test_a_database_that_others_can_read_is_told(ready: Shell) -> None:
    """As after a restore with `cp`, which takes the modes that the shell gives."""
    data = Path("data")
    data.chmod(0o755)
    (data / "hubwire.db").chmod(0o644)
    check = sections(ready, "--offline")["Safety"]["Data"]
    assert (check["health"], check["remedy"]) == ("warn", "chmod 700 data && chmod 600 data/*")
    data.chmod(0o700)
    assert sections(ready, "--offline")["Safety"]["Data"]["health"] == "ok"


def test_another_secret_key_is_one_clear_line(ready: Shell) -> None:
    Path("data/secret.key").unlink()
    ran = ready("doctor")
    assert ran.code == 1
    assert "another secret key" in ran.err
    assert "Traceback" not in ran.err


def test_a_public_address_without_tls_is_a_warning(ready: Shell) -> None:
    assert sections(ready, "--offline")["Safety"]["Network"]["health"] == "ok"
    ready.set(HUBWIRE_HOST="0.0.0.0")
    assert sections(ready, "--offline")["Safety"]["Network"]["health"] == "warn"


def test_sources_that_cannot_send_or_send_nowhere(ready: Shell) -> None:
    ready("source", "add", "off", "--kind", "server")
    ready("source", "change", "off", "--no-enabled")
    ready("source", "add", "website", "--kind", "web", "--device-mode")
    key = ready("source", "add", "keyless", "--kind", "server", "--json").json["write_key"]
    ready("source", "key", "keyless", "--revoke", key[-4:])
    found = sections(ready, "--offline")["Sources"]
    assert {name: check["health"] for name, check in found.items() if name.startswith("Source ")} == {
        "Source api": "ok",
        "Source off": "warn",
        "Source website": "warn",
        "Source keyless": "warn",
    }
    assert "every origin" in found["Source website"]["said"]
    ready("destination", "change", "hubspot", "--source", "website")
    assert "feeds no destination" in sections(ready, "--offline")["Sources"]["Source api"]["said"]


def test_a_line_that_stands_still_and_dead_letters_are_told(ready: Shell) -> None:
    store = ready.store()
    store.record.stop_lane(1, "unauthorised", "HubSpot said 401", None)
    check = sections(ready, "--offline")["Destination hubspot"]["Delivery"]
    assert check["health"] == "fail"
    assert "HubSpot said 401" in check["said"]
    store.record.stop_lane(1, "hubspot-failed", "", 5)
    assert sections(ready, "--offline")["Destination hubspot"]["Delivery"]["health"] == "warn"
    store.close()


def test_a_clock_that_went_back_is_told(ready: Shell) -> None:
    store = ready.store()
    store.journal.append([Entry(1, "m", 4_000_000_000_000, b'{"type":"track"}')])
    store.journal.close()
    store.close()
    assert sections(ready, "--offline")["Machine"]["Clock"]["health"] == "warn"


def test_an_unknown_destination_is_one_clear_line(ready: Shell) -> None:
    ran = ready("doctor", "--destination", "nobody")
    assert (ran.code, "no destination 'nobody'" in ran.err) == (1, True)


FORM = "1b2c3d4e-0000-4000-8000-1234567890ab"
MARKETING = (
    Rule(name="List", trigger='type = "identify"', list="VIP"),
    Rule(name="News", trigger='type = "identify"', subscription="101"),
    Rule(name="Form", trigger='type = "track"', form=FORM, fields={"email": "$.properties.email"}),
)


async def test_scopes_of_rules_are_checked_where_rules_need_them() -> None:
    with scoped_portal(*all_scopes()) as emulator:
        report = await examined(emulator, rules=MARKETING)
        assert unwell(report) == dict.fromkeys(
            ["Find lists", "Change lists", "Read subscriptions", "Change subscriptions", "Submit forms"], Health.WARN
        )
        assert {"crm.lists.read", "crm.lists.write", "communication_preferences.read_write", "forms"} <= set(
            report.missing_scopes
        )
        others = unwell(await examined(emulator, presets=("orders",)))
        assert all("orders" in name or "items" in name or "deals" in name or "carts" in name for name in others), others
    with running_emulator(access_token=TOKEN, portal_id=HUB) as emulator:
        assert unwell(await examined(emulator, rules=MARKETING)) == {}
        assert emulator.contacts() == []
        assert emulator.call("GET", "/_emulator/lists").body["results"] == []


# -- the object types that rules name


def _rule(object_type: str) -> Rule:
    return Rule(
        name=object_type, trigger='event = "Order Completed"', object=object_type, key={"ext_id": "$.messageId"}
    )


async def test_each_object_type_of_the_rules_has_its_lines_before_a_message_fails() -> None:
    rules = tuple(map(_rule, ("orders", "deal", "boat")))
    held = every_scope() - {"crm.objects.orders.write"}
    with scoped_portal(*held) as emulator:
        report = await examined(emulator, rules=rules)
    assert line(report, "Read properties of orders").health is Health.OK
    orders = line(report, "Write orders")
    assert (orders.health, report.missing_scopes) == (Health.WARN, ["crm.objects.orders.write"])
    assert "the messages of rules with `order` are held" in orders.said
    assert "crm.objects.orders.write" in orders.remedy
    assert line(report, "Write deals").health is Health.OK
    boat = line(report, "Write boat")
    assert "Unable to infer object type" in boat.said
    assert "Enterprise" in boat.remedy


async def test_an_object_that_nobody_has_switched_on_is_said_once() -> None:
    with scoped_portal(*every_scope(), library_objects=["courses"]) as emulator:
        report = await examined(emulator, rules=tuple(map(_rule, ("service", "course"))))
    services = [check for check in report.checks if "services" in check.name]
    assert [(check.name, check.health) for check in services] == [("Switched on: services", Health.WARN)]
    assert "the messages of rules with `service` are held" in services[0].said
    assert "Switch services on in HubSpot's settings" in services[0].remedy
    courses = [check for check in report.checks if "courses" in check.name]
    assert [check.health for check in courses] == [Health.OK] * 3


async def test_leads_need_a_professional_account() -> None:
    with scoped_portal(*every_scope(), tier="starter") as emulator:
        report = await examined(emulator, rules=(_rule("lead"),))
    leads = line(report, "Write leads")
    assert leads.health is Health.WARN
    assert "Sales Hub Professional" in leads.remedy
    assert report.missing_scopes == []


async def test_a_destination_without_such_rules_has_no_line_about_other_objects(emulator: Emulator) -> None:
    report = await examined(emulator)
    assert not [check for check in report.checks if "orders" in check.name]


async def test_the_right_to_create_properties_is_examined_where_it_is_used() -> None:
    held = every_scope() - {"crm.schemas.deals.write"}
    with scoped_portal(*held) as emulator:
        report = await examined(emulator, rules=(_rule("deal"),), mapping=Mapping(create_properties=True))
    assert line(report, "Create properties of deals").health is Health.WARN
    assert report.missing_scopes == ["crm.schemas.deals.write"]
