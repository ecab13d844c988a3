"""HubSpot outside delivery: set-up, doctor and forget call these functions and get values or errors.

Every call goes through `HubSpotClient.call`. Errors: Unreachable (no answer), Refused (an error status), Unreadable
(an answer that is not what HubSpot documents).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hubwire.errors import Refused, Unreachable, Unreadable
from hubwire.hubspot import definitions, wire
from hubwire.hubspot.call import Answer, Call
from hubwire.hubspot.client import HubSpotClient
from hubwire.hubspot.definitions import Account, NewProperty, PropertyUse
from hubwire.hubspot.errors import problem_of, read_problem
from hubwire.hubspot.form_definitions import FORMS_PER_PAGE, FormDefinition, forms_of
from hubwire.hubspot.lists import FoundList, found_list, found_lists, search_lists
from hubwire.hubspot.preferences import subscription_names
from hubwire.schema import EventDefinition, PropertyDefinition

ALREADY_EXISTS = frozenset({"OBJECT_ALREADY_EXISTS", "CONFLICT"})


def must_succeed(call: Call, answer: Answer) -> bytes:
    """The body of a good answer. Raises Unreachable, Refused or Unreadable, each naming the call."""
    if answer.status is None:
        raise Unreachable(f"{call.name}: HubSpot gave no answer: {answer.failure}")
    if not 200 <= answer.status < 300:
        problem = read_problem(answer.body)
        words = answer.failure or problem.text
        raise Refused(answer.status, problem.category, f"{call.name}: {words}", answer.correlation_id)
    if answer.failure:
        raise Unreadable(f"{call.name}: {answer.failure}")
    return answer.body


class HubSpotAccount:
    """One portal, for calls outside a lane."""

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client

    async def account_details(self) -> Account:
        """Hub ID and time zone. This is also the cheapest check of a token."""
        return definitions.account_of(await self._get("read account", self._client.paths.account))

    async def property_uses(self) -> list[PropertyUse]:
        """Use and limit of custom properties by object type."""
        return definitions.property_uses_of(await self._get("read limits", self._client.paths.property_limits))

    async def properties(self, object_type: str) -> dict[str, PropertyDefinition]:
        """Live properties by name; `object_type` is `contacts` or `companies`."""
        path = self._client.paths.properties(object_type)
        return definitions.property_definitions_of(await self._get("read properties", path))

    async def archived_properties(self, object_type: str) -> dict[str, PropertyDefinition]:
        """Archived properties by name."""
        path = self._client.paths.properties(object_type, archived=True)
        body = await self._get("read archived properties", path)
        return definitions.property_definitions_of(body, archived=True)

    async def create_properties(self, object_type: str, properties: Sequence[NewProperty]) -> None:
        """Create up to 100 properties; existing ones stay unchanged."""
        path = self._client.paths.create_properties(object_type)
        call = Call("create properties", "POST", path, definitions.create_properties(properties))
        answer = await self._client.call(call)
        if answer.status == 409:
            return
        body = must_succeed(call, answer)
        answered = wire.read_batch(body)
        for problem in map(problem_of, (answered.errors if answered else None) or ()):
            if problem.category not in ALREADY_EXISTS:
                raise Refused(answer.status or 0, problem.category, f"{call.name}: {problem.text}")

    async def create_property_group(self, object_type: str, name: str, label: str) -> None:
        """Create a property group, unless it exists."""
        path = self._client.paths.property_groups(object_type)
        call = Call("create property group", "POST", path, definitions.create_property_group(name, label))
        answer = await self._client.call(call)
        if answer.status != 409:
            must_succeed(call, answer)

    async def event_definitions(self) -> list[EventDefinition]:
        """All custom event definitions. Raises Refused with status 403 without the feature or its scope."""
        event_definitions: list[EventDefinition] = []
        after: str | None = None
        while True:
            path = self._client.paths.list_event_definitions(after)
            page, after = definitions.event_definitions_of(await self._get("read event definitions", path))
            event_definitions += page
            if after is None:
                return event_definitions

    async def create_event_definition(self, name: str, label: str, types: Mapping[str, str]) -> EventDefinition:
        """Create a contact's event definition. Raises Refused with status 409 if it exists."""
        body = definitions.create_event_definition(name, label, types)
        call = Call("create event definition", "POST", self._client.paths.event_definitions, body)
        return definitions.event_definition_of(must_succeed(call, await self._client.call(call)))

    async def add_event_property(self, event: str, name: str, kind: str) -> None:
        """Add a property to an event definition, unless it has it."""
        path = self._client.paths.event_property(event)
        call = Call("create event property", "POST", path, definitions.create_event_property(name, kind))
        answer = await self._client.call(call)
        if answer.status != 409:
            must_succeed(call, answer)

    async def search_companies(self, domains: Sequence[str]) -> list[tuple[str, str]]:
        """(domain, record id) of the companies with these domains, oldest first; the index lags by seconds."""
        path = self._client.paths.objects("companies", "search")
        call = Call("search companies", "POST", path, wire.search_companies(domains), "search")
        return wire.found_companies(must_succeed(call, await self._client.call(call)))

    async def list_of(self, list_id: str) -> FoundList | None:
        """The list with this id; None if the answer has none. Raises Refused with status 404 if HubSpot has none."""
        return found_list(await self._get("read list", self._client.paths.one_list(list_id)))

    async def lists(self, count: int) -> tuple[list[FoundList], bool]:
        """The first lists of the portal, and whether these are all."""
        call = Call("search lists", "POST", self._client.paths.search_lists, search_lists(count))
        return found_lists(must_succeed(call, await self._client.call(call)))

    async def subscription_types(self) -> dict[str, str]:
        """The name of each subscription type by its id."""
        return subscription_names(await self._get("read subscription types", self._client.paths.subscription_types))

    async def forms(self, max_pages: int) -> tuple[list[FormDefinition], bool]:
        """The first forms of the portal, and whether these are all."""
        forms: list[FormDefinition] = []
        after: str | None = None
        for _ in range(max_pages):
            page, after = forms_of(await self._get("read forms", self._client.paths.forms(FORMS_PER_PAGE, after)))
            forms += page
            if after is None:
                break
        return forms, after is None

    async def gdpr_delete(self, email: str) -> None:
        """Delete a contact and all its data permanently. An unknown e-mail is blocked from being created."""
        call = Call(
            "delete contact for privacy", "POST", self._client.paths.gdpr_delete, definitions.gdpr_delete(email)
        )
        must_succeed(call, await self._client.call(call))

    async def _get(self, name: str, path: str) -> bytes:
        call = Call(name, "GET", path)
        return must_succeed(call, await self._client.call(call))
