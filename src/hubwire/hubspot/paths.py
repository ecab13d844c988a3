"""Every HubSpot path that Hubwire calls, by API version, in one table. Pure.

Source: HubSpot's public API specifications, and its developer changelog on date-based versions. `2026-09` is the
current version; v3 is unsupported from September 2027 and v4 (associations) from 2027-03-30.
Uncertain: for `2026-03`, the documentation has `/events/custom/2026-03/…`, the specification and the Python SDK have
`/events/2026-03/…`. The client uses the documented path first. `with_other_events` gives the other, which it uses if
the list of event definitions is not at the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import quote

from hubwire.errors import SettingsError

DEFAULT_VERSION = "2026-09"
DEFINITIONS_PER_PAGE = 100


class Roots(NamedTuple):
    """The root path of each family of endpoints in one API version."""

    objects: str
    properties: str
    associations: str
    pipelines: str
    schemas: str
    events: str
    other_events: str | None
    account: str
    limits: str
    library: str
    oauth: str
    lists: str
    preferences: str
    supported_until: str
    """The month (or day) when HubSpot's support ends; dated versions are supported for at least 18 months."""


def _dated(version: str, supported_until: str, other_events: str | None = None) -> Roots:
    return Roots(
        objects=f"/crm/objects/{version}",
        properties=f"/crm/properties/{version}",
        associations=f"/crm/associations/{version}",
        pipelines=f"/crm/pipelines/{version}",
        schemas=f"/crm-object-schemas/{version}/schemas",
        events=f"/events/custom/{version}",
        other_events=other_events,
        account=f"/account-info/{version}",
        limits=f"/crm/limits/{version}",
        library=f"/crm/object-library/{version}",
        oauth=f"/oauth/{version}",
        lists=f"/crm/lists/{version}",
        preferences=f"/communication-preferences/{version}",
        supported_until=supported_until,
    )


ROOTS: dict[str, Roots] = {
    "2026-09": _dated("2026-09", "2028-03"),
    "2026-03": _dated("2026-03", "2027-09", other_events="/events/2026-03"),
    "v3": Roots(
        objects="/crm/v3/objects",
        properties="/crm/v3/properties",
        associations="/crm/v4/associations",
        pipelines="/crm/v3/pipelines",
        schemas="/crm-object-schemas/v3/schemas",
        events="/events/v3",
        other_events=None,
        account="/account-info/v3",
        limits="/crm/v3/limits",
        library="/crm/v3/object-library",
        oauth="/oauth/v3",
        lists="/crm/v3/lists",
        preferences="/communication-preferences/v4",
        supported_until="2027-03-30",
    ),
}


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of one API version. Raises SettingsError for a version that is not in the table."""

    version: str = DEFAULT_VERSION
    uses_other_events: bool = False

    def __post_init__(self) -> None:
        if self.version not in ROOTS:
            raise SettingsError(
                f"the HubSpot API version is {self.version!r}; it must be one of {', '.join(ROOTS)}",
                hint=f"Leave HUBSPOT_API_VERSION out for {DEFAULT_VERSION}.",
            )

    @property
    def supported_until(self) -> str:
        """When HubSpot's support for this version ends (`2028-03`)."""
        return ROOTS[self.version].supported_until

    # -- records

    def objects(self, object_type: str, suffix: str = "") -> str:
        """`suffix`: batch/upsert, batch/update, batch/create, batch/read, search, …"""
        return _join(ROOTS[self.version].objects, object_type, suffix)

    @property
    def gdpr_delete(self) -> str:
        """POST: delete a contact and all its data permanently."""
        return self.objects("contacts", "gdpr-delete")

    def associations(self, from_type: str, to_type: str, suffix: str = "batch/associate/default") -> str:
        """POST: up to 2,000 associations of the default type."""
        return _join(ROOTS[self.version].associations, from_type, to_type, suffix)

    # -- the change journal

    @property
    def journal_subscriptions(self) -> str:
        """POST: subscribe to changes of one type."""
        return f"/webhooks-journal/subscriptions/{self.version}"

    def journal_file(self, offset: str | None) -> str:
        """GET: where the file after this offset is; None: the oldest file."""
        place = "earliest" if offset is None else f"offset/{quote(offset, safe='')}/next"
        return f"/webhooks-journal/journal/{self.version}/{place}"

    # -- definitions of properties

    def properties(self, object_type: str, *, archived: bool = False) -> str:
        """GET: all definitions, or the archived ones."""
        return _join(ROOTS[self.version].properties, object_type) + ("?archived=true" if archived else "")

    def one_property(self, object_type: str, name: str) -> str:
        """GET: one definition; PATCH: change it."""
        return _join(ROOTS[self.version].properties, object_type, name)

    def create_properties(self, object_type: str) -> str:
        """POST: up to 100 new definitions."""
        return _join(ROOTS[self.version].properties, object_type, "batch/create")

    def property_groups(self, object_type: str) -> str:
        """GET: all groups; POST: a new one."""
        return _join(ROOTS[self.version].properties, object_type, "groups")

    def pipelines(self, object_type: str) -> str:
        """GET: the pipelines of an object type with their stages."""
        return _join(ROOTS[self.version].pipelines, object_type)

    @property
    def schemas(self) -> str:
        """GET: the custom objects of the portal."""
        return ROOTS[self.version].schemas

    # -- custom events

    @property
    def _events(self) -> str:
        roots = ROOTS[self.version]
        return roots.other_events if self.uses_other_events and roots.other_events else roots.events

    @property
    def send_event(self) -> str:
        """POST: one occurrence."""
        return f"{self._events}/send"

    @property
    def send_events(self) -> str:
        """POST: up to 500 occurrences."""
        return f"{self._events}/send/batch"

    @property
    def event_definitions(self) -> str:
        """POST: a new definition."""
        return f"{self._events}/event-definitions"

    def list_event_definitions(self, after: str | None = None) -> str:
        """GET: one page of definitions with their properties."""
        page = f"&after={quote(after, safe='')}" if after else ""
        return f"{self.event_definitions}?limit={DEFINITIONS_PER_PAGE}&includeProperties=true{page}"

    def event_property(self, event: str) -> str:
        """POST: one more property of a definition."""
        return _join(self.event_definitions, event, "property")

    def with_other_events(self) -> Paths | None:
        """The same paths with the other events root, if this version has an unused one."""
        if self.uses_other_events or ROOTS[self.version].other_events is None:
            return None
        return replace(self, uses_other_events=True)

    # -- lists

    @property
    def lists(self) -> str:
        """POST: a new list."""
        return ROOTS[self.version].lists

    @property
    def search_lists(self) -> str:
        """POST: the lists of the portal."""
        return f"{self.lists}/search"

    def forms(self, count: int, after: str | None = None) -> str:
        """GET: a page of the forms with their fields. Their dated path (2026-09) is a beta."""
        return f"/marketing/v3/forms?limit={count}" + (f"&after={quote(after, safe='')}" if after else "")

    def one_list(self, list_id: str) -> str:
        """GET: one list."""
        return f"{self.lists}/{quote(list_id, safe='')}"

    def list_by_name(self, type_id: str, name: str) -> str:
        """GET: the list of an object type that has this name."""
        return f"{self.lists}/object-type-id/{type_id}/name/{quote(name, safe='')}"

    def members(self, list_id: str) -> str:
        """PUT: records that join a list, and records that leave it."""
        return f"{self.one_list(list_id)}/memberships/add-and-remove"

    # -- subscriptions

    @property
    def subscription_types(self) -> str:
        """GET: the subscription types."""
        return f"{ROOTS[self.version].preferences}/definitions"

    def set_status(self, email: str) -> str:
        """POST: one state of one address."""
        return f"{ROOTS[self.version].preferences}/statuses/{quote(email, safe='')}"

    def statuses(self, email: str) -> str:
        """GET: all states of one address."""
        return f"{self.set_status(email)}?channel=EMAIL"

    def unsubscribe_all(self, email: str) -> str:
        """POST: unsubscribe one address from everything."""
        return f"{self.set_status(email)}/unsubscribe-all?channel=EMAIL"

    @property
    def read_statuses(self) -> str:
        """POST: all states of many addresses."""
        return f"{ROOTS[self.version].preferences}/statuses/batch/read?channel=EMAIL"

    @property
    def write_statuses(self) -> str:
        """POST: states of many addresses."""
        return f"{ROOTS[self.version].preferences}/statuses/batch/write"

    # -- the account

    @property
    def account(self) -> str:
        """GET: Hub ID, time zone, tier."""
        return f"{ROOTS[self.version].account}/details"

    @property
    def property_limits(self) -> str:
        """GET: how many custom properties are used, and allowed, by object type."""
        return f"{ROOTS[self.version].limits}/custom-properties"

    def enablement(self, type_id: str) -> str:
        """GET: whether a type of HubSpot's object library is switched on."""
        return _join(ROOTS[self.version].library, "enablement", type_id)

    @property
    def token(self) -> str:
        """POST: an access token for a refresh token."""
        return f"{ROOTS[self.version].oauth}/token"

    @property
    def introspect(self) -> str:
        """POST: the properties of a token."""
        return f"{ROOTS[self.version].oauth}/token/introspect"


def _join(root: str, *parts: str) -> str:
    return "/".join([root, *(quote(part, safe="/") for part in parts if part)])
