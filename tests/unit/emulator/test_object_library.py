"""Object types that a tier does not include, and those of HubSpot's object library, which a person switches on."""

from __future__ import annotations

import pytest

from hubwire.testing import CustomObject, Emulator, EmulatorConfig


def test_the_library_says_what_is_switched_on() -> None:
    emulator = Emulator(library_objects="services, appointments")
    for path in ("/crm/v3/object-library/enablement", "/crm/object-library/2026-09/enablement"):
        assert emulator.call("GET", path).body == {
            "enablementByObjectTypeId": {"0-162": True, "0-410": False, "0-420": False, "0-421": True}
        }
        assert emulator.call("GET", f"{path}/0-410").body == {"enablement": False}
        assert emulator.call("GET", f"{path}/0-1").status == 404


def test_a_type_that_is_not_switched_on_is_none_of_the_portals() -> None:
    emulator = Emulator(library_objects=())
    for path in ("/crm/properties/2026-09/0-162", "/crm/objects/2026-09/services", "/crm/pipelines/2026-09/service"):
        answer = emulator.call("GET", path)
        assert (answer.status, "Unable to infer object type" in answer.body["message"]) == (400, True)
    body = {"inputs": [{"from": {"id": "1"}, "to": {"id": "2"}}]}
    path = "/crm/associations/2026-09/contacts/services/batch/associate/default"
    assert emulator.call("POST", path, body).status == 400
    emulator.set_portal(library_objects=["services"])
    assert emulator.call("GET", "/crm/objects/2026-09/services").status == 200


@pytest.mark.parametrize(
    ("tier", "leads", "cars"), [("free", 403, 403), ("professional", 200, 403), ("enterprise", 200, 200)]
)
def test_leads_and_custom_objects_depend_on_the_tier(tier: str, leads: int, cars: int) -> None:
    emulator = Emulator(tier=tier, custom_objects=(CustomObject("car", "2-7"),))
    found = [emulator.call("GET", f"/crm/objects/2026-09/{name}").status for name in ("leads", "2-7", "deals")]
    assert found == [leads, cars, 200]


def test_an_unknown_type_of_the_library_is_refused() -> None:
    with pytest.raises(ValueError, match="library_objects: boats: none of services"):
        EmulatorConfig(library_objects=["boats"])
