"""A walk through every operation that the emulator serves, at every version, recording each exchange."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec

from hubwire.emulator.http.routes import standard_router
from hubwire.emulator.http.server import EmulatorApp, create_app
from hubwire.emulator.store.config import CustomObject, EmulatorConfig
from hubwire.emulator.wire import Request

START_MS = 1_790_000_000_000


@dataclass(frozen=True)
class Caller:
    """One call and its answer; `body` is decoded JSON, or None when empty."""

    method: str
    path: str
    label: str
    status: int
    body: Any


class Call(NamedTuple):
    """What was asked."""

    method: str
    path: str
    query: str
    body: bytes


class Walk:
    """Calls one emulator and remembers what came back."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.app: EmulatorApp = create_app(
            EmulatorConfig(
                access_token="t",
                start_at_ms=START_MS,
                limits_enabled=False,
                custom_objects=(CustomObject("pets", "2-77", properties=({"name": "pet_name"},)),),
            )
        )
        self._router = standard_router()
        self.exchanges: list[Caller] = []
        self.calls: list[Call] = []

    def call(
        self, method: str, path: str, body: Any = None, query: str = "", form: dict[str, str] | None = None
    ) -> Any:
        """Make a call and give the decoded answer."""
        raw = urlencode(form).encode() if form is not None else b"" if body is None else msgspec.json.encode(body)
        call = Call(method, path, query, raw)
        self.calls.append(call)
        return self.exchange(call)

    def exchange(self, call: Call, token: bytes = b"Bearer t") -> Any:
        """Make a call as it is, remember what came back and give it decoded."""
        headers = {b"authorization": token}
        reply = self.app.respond(Request(call.method, call.path, call.query.encode(), headers, call.body))
        decoded = msgspec.json.decode(reply.body) if reply.body else None
        match = self._router.find(call.method, call.path)
        label = match.label if match else call.path
        self.exchanges.append(Caller(call.method, call.path, label, reply.status, decoded))
        return decoded

    def objects(self, name: str) -> str:
        """The path of an object type."""
        return f"/crm/v3/objects/{name}" if self.version == "v3" else f"/crm/objects/{self.version}/{name}"

    def properties(self, name: str) -> str:
        """The path of an object type's properties."""
        return f"/crm/v3/properties/{name}" if self.version == "v3" else f"/crm/properties/{self.version}/{name}"

    def pairs(self, from_type: str, to_type: str) -> str:
        """The path of a pair's associations."""
        prefix = "/crm/v4/associations" if self.version == "v3" else f"/crm/associations/{self.version}"
        return f"{prefix}/{from_type}/{to_type}"

    def links(self, name: str) -> str:
        """The path of records' associations."""
        return f"/crm/v4/objects/{name}" if self.version == "v3" else f"/crm/objects/{self.version}/{name}"

    def event_prefixes(self) -> list[str]:
        """The prefixes that send and define events."""
        if self.version == "v3":
            return ["/events/v3"]
        own = [f"/events/custom/{self.version}"]
        return [*own, "/events/2026-03"] if self.version == "2026-03" else own


def play() -> Iterator[Caller]:
    """Every exchange of the walk at every version."""
    for version in ("v3", "2025-09", "2026-03", "2026-09"):
        walk = walk_of(version)
        _refuse(walk)
        yield from walk.exchanges


def walk_of(version: str) -> Walk:
    """The walk at one version, done."""
    walk = Walk(version)
    _records(walk)
    _properties(walk)
    _associations(walk)
    for number, prefix in enumerate(walk.event_prefixes()):
        _events(walk, prefix, f"signed_up_{number}")
    _account(walk)
    _oauth(walk)
    if version in ("2026-03", "2026-09"):
        _journal(walk)
    _schemas(walk)
    _pipelines(walk)
    _lists(walk)
    _subscriptions(walk)
    if version == "v3":
        _legacy(walk)
    return walk


def _refuse(walk: Walk) -> None:
    """Every operation once more, refused in each way it can be: no token, no JSON, no such object type."""
    pairs = zip(walk.calls, list(walk.exchanges), strict=True)
    operations = {(exchange.method, exchange.label): call for call, exchange in pairs}
    for call in operations.values():
        if not call.path.startswith("/oauth/"):
            walk.exchange(call, token=b"")
        if call.body[:1] in (b"{", b"["):
            walk.exchange(call._replace(body=b"{"))
        for name in ("contacts", "companies", "pets"):
            if f"/{name}" in call.path and not call.path.startswith(("/contacts/v1", "/companies/v2")):
                walk.exchange(call._replace(path=call.path.replace(f"/{name}", "/butterflies")))


def _records(walk: Walk) -> None:
    for name, first, second in (
        ("contacts", {"email": "ada@example.com", "firstname": "Ada"}, {"email": "bob@example.com"}),
        ("companies", {"name": "Acme", "domain": "acme.example"}, {"name": "Globex"}),
        ("pets", {"pet_name": "Rex"}, {"pet_name": "Tom"}),
    ):
        path = walk.objects(name)
        record_id = walk.call("POST", path, {"properties": first, "associations": []})["id"]
        batch = {"inputs": [{"properties": second, "associations": [], "objectWriteTraceId": "0"}]}
        two = walk.call("POST", f"{path}/batch/create", batch)["results"][0]["id"]
        bad = {"properties": {"nope": "x"}, "associations": [], "objectWriteTraceId": "1"}
        walk.call("POST", f"{path}/batch/create", {"inputs": [*batch["inputs"], bad]})
        walk.call("GET", path, query="limit=1")
        walk.call("GET", f"{path}/{record_id}", query="properties=hs_object_id&propertiesWithHistory=hs_object_id")
        walk.call("GET", f"{path}/999999999")
        walk.call("PATCH", f"{path}/{record_id}", {"properties": first})
        walk.call("PATCH", f"{path}/{record_id}", {"properties": {"nope": "x"}})
        keyed = [{"id": record_id, "properties": first, "objectWriteTraceId": "0"}, {"id": "9", "properties": {}}]
        walk.call("POST", f"{path}/batch/update", {"inputs": keyed[:1]})
        walk.call("POST", f"{path}/batch/update", {"inputs": keyed})
        read = {"properties": [], "propertiesWithHistory": ["hs_object_id"], "inputs": [{"id": record_id}, {"id": "9"}]}
        walk.call("POST", f"{path}/batch/read", {**read, "inputs": [{"id": record_id}]})
        walk.call("POST", f"{path}/batch/read", read)
        search = {"filterGroups": [], "limit": 1, "after": "0", "sorts": [], "properties": []}
        walk.app.state.clock.advance(10)
        walk.call("POST", f"{path}/search", search)
        walk.call("POST", f"{path}/merge", {"primaryObjectId": record_id, "objectIdToMerge": two})
        third = {**second, "email": "cleo@example.com"} if name == "contacts" else second
        three = walk.call("POST", path, {"properties": third, "associations": []})["id"]
        walk.call("DELETE", f"{path}/{three}")
        walk.call("GET", path, query="archived=true")
        walk.call("POST", f"{path}/batch/archive", {"inputs": [{"id": "1"}]})
    _upserts(walk)


def _upserts(walk: Walk) -> None:
    path = walk.objects("contacts")
    upserts = [
        {"id": "ada@example.com", "idProperty": "email", "objectWriteTraceId": "0", "properties": {"city": "Paris"}},
        {"id": "eve@example.com", "idProperty": "email", "objectWriteTraceId": "1", "properties": {"closedate": "0"}},
        {"id": "nope", "idProperty": "email", "objectWriteTraceId": "2", "properties": {}},
    ]
    walk.call("POST", f"{path}/batch/upsert", {"inputs": upserts[:2]})
    walk.call("POST", f"{path}/batch/upsert", {"inputs": upserts})
    walk.call("POST", f"{path}/gdpr-delete", {"objectId": "eve@example.com", "idProperty": "email"})


def _properties(walk: Walk) -> None:
    path = walk.properties("contacts")
    walk.call("GET", path)
    group = {"name": "own_group", "label": "Own", "displayOrder": 1}
    walk.call("POST", f"{path}/groups", group)
    walk.call("POST", f"{path}/groups", group)
    walk.call("GET", f"{path}/groups")
    walk.call("PATCH", f"{path}/groups/own_group", {"label": "Our own"})
    walk.call("GET", f"{path}/groups/own_group")
    definition = {"label": "Plan", "type": "enumeration", "fieldType": "select", "groupName": "own_group"}
    options = [{"label": "Pro", "value": "pro", "displayOrder": 0, "hidden": False, "description": "All of it"}]
    each_definition = {"name": "plan", **definition, "options": options}
    walk.call("POST", path, each_definition)
    walk.call("POST", path, each_definition)
    walk.call("POST", f"{path}/batch/create", {"inputs": [{**each_definition, "name": "plan_two"}]})
    walk.call("POST", f"{path}/batch/create", {"inputs": [{**each_definition, "name": "plan_three"}, each_definition]})
    walk.app.state.clock.advance(1)
    walk.call("GET", f"{path}/plan")
    walk.call("GET", f"{path}/nope")
    walk.call("PATCH", f"{path}/plan", {"label": "The plan", "options": options})
    names = {"inputs": [{"name": "plan"}], "archived": False, "dataSensitivity": "non_sensitive"}
    walk.call("POST", f"{path}/batch/read", names)
    walk.call("POST", f"{path}/batch/read", {**names, "inputs": [{"name": "plan"}, {"name": "nope"}]})
    walk.call("DELETE", f"{path}/plan_two")
    walk.call("GET", path, query="archived=true")
    walk.call("POST", f"{path}/batch/archive", {"inputs": [{"name": "plan"}, {"name": "plan_three"}]})
    walk.call("DELETE", f"{path}/groups/own_group")


def _associations(walk: Walk) -> None:
    contact = walk.call("POST", walk.objects("contacts"), {"properties": {"email": "zoe@example.com"}})["id"]
    company = walk.call("POST", walk.objects("companies"), {"properties": {"name": "Initech"}})["id"]
    pairs, links = walk.pairs("contacts", "companies"), walk.links("contacts")
    both = {"from": {"id": contact}, "to": {"id": company}}
    primary = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
    walk.call("PUT", f"{links}/{contact}/associations/default/companies/{company}")
    walk.call("PUT", f"{links}/{contact}/associations/companies/{company}", primary)
    walk.call("GET", f"{links}/{contact}/associations/companies")
    walk.call("GET", f"{walk.objects('contacts')}/{contact}", query="associations=companies")
    walk.call("POST", f"{pairs}/batch/associate/default", {"inputs": [both]})
    walk.call("POST", f"{pairs}/batch/associate/default", {"inputs": [both, {**both, "to": {"id": "9"}}]})
    walk.call("POST", f"{pairs}/batch/create", {"inputs": [{**both, "types": primary}]})
    missing = {"from": {"id": contact}, "to": {"id": "9"}, "types": primary}
    walk.call("POST", f"{pairs}/batch/create", {"inputs": [{**both, "types": primary}, missing]})
    walk.call("POST", f"{pairs}/batch/read", {"inputs": [{"id": contact}]})
    walk.call("POST", f"{pairs}/batch/read", {"inputs": [{"id": contact}, {"id": "9"}]})
    walk.call("POST", f"{pairs}/labels", {"label": "Boss", "name": "boss", "inverseLabel": "Bossed by"})
    labels = walk.call("GET", f"{pairs}/labels")["results"]
    own = next(label["typeId"] for label in labels if label["category"] == "USER_DEFINED")
    walk.call("PUT", f"{pairs}/labels", {"associationTypeId": own, "label": "Chief"})
    walk.call("DELETE", f"{pairs}/labels/{own}")
    walk.call("POST", f"{pairs}/batch/labels/archive", {"inputs": [{**both, "types": primary}]})
    walk.call("POST", f"{pairs}/batch/archive", {"inputs": [{"from": {"id": contact}, "to": [{"id": company}]}]})
    walk.call("DELETE", f"{links}/{contact}/associations/companies/{company}")
    if walk.version == "v3":
        legacy = "/crm/v3/associations/contacts/companies/batch"
        typed = {"inputs": [{**both, "type": "contact_to_company"}]}
        walk.call("POST", f"{legacy}/create", typed)
        walk.call("POST", f"{legacy}/read", {"inputs": [{"id": contact}]})
        walk.call("POST", f"{legacy}/archive", typed)
        own = f"/crm/v3/objects/contacts/{contact}/associations/companies"
        walk.call("PUT", f"{own}/{company}/contact_to_company")
        walk.call("GET", own)
        walk.call("DELETE", f"{own}/{company}/contact_to_company")


def _events(walk: Walk, prefix: str, name: str) -> None:
    path = f"{prefix}/event-definitions"
    body = {
        "label": name.replace("_", " ").title(),
        "name": name,
        "description": "What it says",
        "primaryObject": "CONTACT",
        "includeDefaultProperties": True,
        "propertyDefinitions": [{"label": "Plan", "name": "plan", "type": "string"}],
    }
    walk.call("POST", path, body)
    walk.call("POST", path, body)
    walk.call("GET", path, query="limit=1&includeProperties=true")
    walk.call("GET", f"{path}/{name}")
    walk.call("PATCH", f"{path}/{name}", {"label": "Other"})
    walk.call("POST", f"{path}/{name}/property", {"label": "Seats", "name": "seats", "type": "number"})
    walk.call("PATCH", f"{path}/{name}/property/seats", {"label": "Seats taken"})
    event = {
        "eventName": f"pe1234567_{name}",
        "email": "zoe@example.com",
        "occurredAt": "2026-11-01T10:00:00Z",
        "uuid": name,
        "properties": {"plan": "pro", "seats": "3"},
    }
    walk.call("POST", f"{prefix}/send", event)
    walk.call("POST", f"{prefix}/send/batch", {"inputs": [{**event, "uuid": name + "2"}]})
    walk.call("POST", f"{prefix}/send", {**event, "eventName": "pe1234567_nope"})
    reads = "/events/v3/events" if walk.version == "v3" else f"/events/event-occurrences/{walk.version}"
    walk.call("GET", reads, query="objectType=contact&limit=1")
    walk.call("GET", f"{reads}/event-types")
    walk.call("DELETE", f"{path}/{name}/property/seats")
    walk.call("DELETE", f"{path}/{name}")


def _account(walk: Walk) -> None:
    version = walk.version
    walk.call("GET", f"/account-info/{version}/details")
    walk.call("GET", f"/account-info/{version}/api-usage/daily/private-apps")
    limits = "/crm/v3/limits" if version == "v3" else f"/crm/limits/{version}"
    for name in ("custom-properties", "records", "custom-object-types"):
        walk.call("GET", f"{limits}/{name}")
    library = "/crm/v3/object-library" if version == "v3" else f"/crm/object-library/{version}"
    walk.call("GET", f"{library}/enablement")
    walk.call("GET", f"{library}/enablement/0-162")
    schemas = "/crm-object-schemas/v3/schemas" if version == "v3" else f"/crm-object-schemas/{version}/schemas"
    for path in (schemas, "/crm/v3/schemas") if version == "v3" else (schemas,):
        walk.call("GET", path)
        walk.call("GET", f"{path}/pets")


def _schemas(walk: Walk) -> None:
    prefixes = ["/crm-object-schemas/v3/schemas", "/crm/v3/schemas"]
    if walk.version != "v3":
        prefixes = [f"/crm-object-schemas/{walk.version}/schemas"]
    for number, path in enumerate(prefixes):
        body = {
            "name": f"machine_{number}",
            "labels": {"singular": "Machine", "plural": "Machines"},
            "properties": [{"name": "site", "label": "Site", "type": "string", "fieldType": "text"}],
            "requiredProperties": ["site"],
            "searchableProperties": [],
            "secondaryDisplayProperties": [],
            "associatedObjects": ["CONTACT"],
            "allowsSensitiveProperties": False,
        }
        answer = walk.call("POST", path, body)
        address = f"{path}/{answer['name']}"
        walk.call("PATCH", address, {"labels": {"singular": "Engine", "plural": "Engines"}, "clearDescription": False})
        pair = {"fromObjectTypeId": answer["objectTypeId"], "toObjectTypeId": "0-2"}
        linked = walk.call("POST", f"{address}/associations", pair)
        walk.call("DELETE", f"{address}/associations/{linked['id']}")
        walk.call("DELETE", address)


def _pipelines(walk: Walk) -> None:
    owners = "/crm/v3/owners" if walk.version == "v3" else f"/crm/owners/{walk.version}"
    walk.call("GET", owners)
    walk.call("GET", f"{owners}/1")
    path = "/crm/v3/pipelines/deals" if walk.version == "v3" else f"/crm/pipelines/{walk.version}/deals"
    walk.call("GET", path)
    stage = {"label": "Open", "displayOrder": 0, "metadata": {"probability": "0.5"}}
    body = {"label": "Own", "displayOrder": 1, "stages": [stage]}
    address = f"{path}/{walk.call('POST', path, body)['id']}"
    walk.call("GET", address)
    walk.call("PUT", address, body)
    walk.call("PATCH", address, {"label": "Ours"})
    walk.call("GET", f"{address}/stages")
    step = f"{address}/stages/{walk.call('POST', f'{address}/stages', {**stage, 'label': 'Won'})['id']}"
    walk.call("GET", step)
    walk.call("PUT", step, stage)
    walk.call("PATCH", step, {"label": "Lost"})
    walk.call("DELETE", step)
    walk.call("DELETE", address)


def _lists(walk: Walk) -> None:
    path = "/crm/v3/lists" if walk.version == "v3" else f"/crm/lists/{walk.version}"
    body = {"name": "VIPs", "objectTypeId": "0-1", "processingType": "MANUAL"}
    contact = walk.call("POST", walk.objects("contacts"), {"properties": {"email": "list@example.com"}})["id"]
    number = walk.call("POST", path, body)["list"]["listId"]
    walk.call("POST", path, body)
    address = f"{path}/{number}"
    branch = {"filterBranchType": "OR", "filterBranchOperator": "OR", "filterBranches": [], "filters": []}
    walk.call("GET", path, query=f"listIds={number}")
    walk.call("GET", address)
    walk.call("GET", f"{path}/object-type-id/0-1/name/VIPs")
    walk.call("POST", f"{path}/search", {"query": "vip", "additionalProperties": [], "offset": 0})
    walk.call("PUT", f"{address}/memberships/add", [contact])
    walk.call("GET", f"{address}/memberships")
    walk.call("GET", f"{address}/memberships/join-order")
    walk.call("GET", f"{path}/records/0-1/{contact}/memberships")
    walk.call("PUT", f"{address}/memberships/remove", [contact])
    walk.call("PUT", f"{address}/memberships/add-and-remove", {"recordIdsToAdd": [contact], "recordIdsToRemove": []})
    walk.call("DELETE", f"{address}/memberships")
    walk.call("PUT", f"{address}/update-list-name", query="listName=Friends")
    walk.call("PUT", f"{address}/update-list-filters", {"filterBranch": branch})
    walk.call("DELETE", address)
    walk.call("PUT", f"{address}/restore")


def _subscriptions(walk: Walk) -> None:
    versions = ("v3", "v4") if walk.version == "v3" else (walk.version,)
    for version in versions:
        path = f"/communication-preferences/{version}"
        walk.call("GET", f"{path}/definitions")
        if version == "v3":
            body = {"emailAddress": "zoe@example.com", "subscriptionId": "101"}
            walk.call("POST", f"{path}/subscribe", body)
            walk.call("POST", f"{path}/unsubscribe", body)
            walk.call("GET", f"{path}/status/email/zoe@example.com")
        else:
            address = f"{path}/statuses/zoe@example.com"
            walk.call("GET", address)
            walk.call("POST", address, {"subscriptionId": 101, "statusState": "SUBSCRIBED", "channel": "EMAIL"})
            walk.call("POST", f"{address}/unsubscribe-all", query="channel=EMAIL&verbose=true")
            batch, status = f"{path}/statuses/batch", {"subscriptionId": 101, "statusState": "SUBSCRIBED"}
            walk.call("POST", f"{batch}/read", {"inputs": ["zoe@example.com"]}, query="channel=EMAIL")
            inputs = [{**status, "channel": "EMAIL", "subscriberIdString": "zoe@example.com"}]
            walk.call("POST", f"{batch}/write", {"inputs": inputs})


def _legacy(walk: Walk) -> None:
    values = {
        "properties": [{"property": "firstname", "value": "Ada"}, {"property": "email", "value": "v1@example.com"}]
    }
    vid = walk.call("POST", "/contacts/v1/contact", values)["vid"]
    walk.call("POST", "/contacts/v1/contact/createOrUpdate/email/v1@example.com", values)
    walk.call("POST", "/contacts/v1/contact/batch/", [{"vid": vid, "properties": []}])
    for key in (f"vid/{vid}", "email/v1@example.com"):
        walk.call("GET", f"/contacts/v1/contact/{key}/profile")
        walk.call("POST", f"/contacts/v1/contact/{key}/profile", values)
    walk.call("GET", "/contacts/v1/lists/all/contacts/all", query="count=1")
    walk.call("GET", "/contacts/v1/contact/vids/batch", query=f"vid={vid}")
    walk.call("GET", "/contacts/v1/contact/emails/batch", query="email=v1@example.com")
    walk.call("GET", "/contacts/v1/lists/all/contacts/recent")
    walk.call("GET", "/contacts/v1/lists/recently_updated/contacts/recent", query="count=1&property=email")
    walk.call("GET", "/contacts/v1/search/query", query="q=ada")
    named = {"properties": [{"name": "name", "value": "Acme"}]}
    company = f"/companies/v2/companies/{walk.call('POST', '/companies/v2/companies', named)['companyId']}"
    walk.call("GET", company)
    walk.call("PUT", company, named)
    walk.call("GET", "/companies/v2/companies/paged")
    walk.call("PUT", f"{company}/contacts/{vid}")
    walk.call("GET", f"{company}/contacts")
    walk.call("POST", "/companies/v2/domains/acme.example/companies", {"limit": 2})
    walk.call("DELETE", company)
    number = walk.call("POST", "/contacts/v1/lists", {"name": "Walk v1"})["listId"]
    walk.call("GET", "/contacts/v1/lists")
    walk.call("GET", "/contacts/v1/lists/static")
    walk.call("GET", f"/contacts/v1/lists/{number}")
    walk.call("POST", f"/contacts/v1/lists/{number}/add", {"vids": [vid]})
    walk.call("POST", f"/contacts/v1/lists/{number}/remove", {"vids": [vid]})
    walk.call("DELETE", f"/contacts/v1/lists/{number}")
    linked = walk.call("POST", "/crm/v3/objects/companies", {"properties": {"name": "Walk v1"}})["id"]
    link = {"fromObjectId": vid, "toObjectId": int(linked), "definitionId": 1}
    walk.call("PUT", "/crm-associations/v1/associations", link)
    walk.call("GET", f"/crm-associations/v1/associations/{vid}/HUBSPOT_DEFINED/1")
    walk.call("DELETE", f"/contacts/v1/contact/vid/{vid}")
    for version in ("v1", "v2"):
        path = f"/properties/{version}/contacts"
        walk.call("GET", f"{path}/properties")
        walk.call("GET", f"{path}/properties/named/email")
        walk.call("GET", f"{path}/groups", query="includeProperties=true")
        own = {"label": "x", "type": "string", "fieldType": "text", "groupName": "contactinformation"}
        walk.call("POST", f"{path}/properties", {"name": f"own_{version}", **own})
    walk.call("GET", "/companies/v2/properties")
    walk.call("GET", "/owners/v2/owners")
    users = walk.call("GET", "/settings/v3/users")["results"]
    walk.call("GET", f"/settings/v3/users/{users[0]['id']}")
    walk.call("GET", "/deals/v1/pipelines")
    page = walk.call("GET", "/crm/v4/objects/contacts", query="limit=1")
    walk.call("GET", f"/crm/v4/objects/contacts/{page['results'][0]['id']}")
    named_deal = {"properties": [{"name": "dealname", "value": "Big"}], "associations": {"associatedVids": [vid]}}
    deal = f"/deals/v1/deal/{walk.call('POST', '/deals/v1/deal', named_deal)['dealId']}"
    walk.call("GET", deal)
    walk.call("PUT", deal, named_deal)
    walk.call("GET", "/deals/v1/deal/paged")
    walk.call("DELETE", deal)
    note = {"engagement": {"type": "NOTE", "ownerId": 1}, "metadata": {"body": "Hello"}}
    number = walk.call("POST", "/engagements/v1/engagements", note)["engagement"]["id"]
    walk.call("GET", f"/engagements/v1/engagements/{number}")
    walk.call("GET", "/engagements/v1/engagements/paged")
    walk.call("GET", "/engagements/v1/engagements/modified/after", query="after=5&limit=1")
    walk.call("GET", "/email/public/v1/subscriptions")
    walk.call("GET", "/crm-pipelines/v1/pipelines/deals")
    walk.call("GET", "/settings/v3/users/teams")
    walk.call("POST", "/oauth/v2/private-apps/get/access-token-info", {"tokenKey": "t"})
    walk.call("GET", "/marketing/v3/forms", query="limit=1")
    form = {"fields": [{"name": "email", "value": "form@ex.org", "objectTypeId": "0-1"}]}
    for path in ("submit", "secure/submit"):
        walk.call("POST", f"/submissions/v3/integration/{path}/1234567/form-1", form)


def _journal(walk: Walk) -> None:
    app = {"client_id": "emulator-client-id", "client_secret": "emulator-client-secret"}
    scopes = "developer.webhooks_journal.read developer.webhooks_journal.subscriptions.read"
    scopes += " developer.webhooks_journal.subscriptions.write"
    form = {"grant_type": "client_credentials", "scope": scopes, **app}
    token = b"Bearer " + walk.call("POST", f"/oauth/{walk.version}/token", form=form)["access_token"].encode()

    def call(method: str, path: str, body: Any = None) -> Any:
        new_call = Call(method, path, "", b"" if body is None else msgspec.json.encode(body))
        answer = walk.exchange(new_call, token)
        walk.calls.append(new_call)
        return answer

    subscriptions = f"/webhooks-journal/subscriptions/{walk.version}"
    journal = f"/webhooks-journal/journal/{walk.version}"
    contacts = {"subscriptionType": "OBJECT", "objectTypeId": "0-1", "portalId": walk.app.state.config.portal_id}
    new_answer = call("POST", subscriptions, {**contacts, "actions": ["UPDATE"], "properties": [], "objectIds": []})
    call("GET", subscriptions)
    contact_id = walk.call("POST", walk.objects("contacts"), {"properties": {"email": "z@ex.org"}})["id"]
    for city in ("Graz", "Linz"):
        walk.call("PATCH", f"{walk.objects('contacts')}/{contact_id}", {"properties": {"city": city}})
        offset = call("GET", f"{journal}/latest")["currentOffset"]
    first = call("GET", f"{journal}/earliest")["currentOffset"]
    assert call("GET", f"{journal}/offset/{first}/next")["currentOffset"] == offset
    call("GET", f"/webhooks-journal/files/{offset}")
    call("GET", "/webhooks-journal/files/none")
    call("DELETE", f"{subscriptions}/{new_answer['id']}")


def _oauth(walk: Walk) -> None:
    app = {"client_id": "emulator-client-id", "client_secret": "emulator-client-secret"}
    code = {"grant_type": "authorization_code", "redirect_uri": "https://example.com/back"}
    prefix = "/oauth/v1" if walk.version == "v3" else f"/oauth/{walk.version}"
    walk.app.state.authorization_codes["c0de"] = frozenset({"oauth"})
    tokens = walk.call("POST", f"{prefix}/token", form={**app, **code, "code": "c0de"})
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    walk.call("POST", f"{prefix}/token", form={**app, **refresh})
    if walk.version == "v3":
        walk.call("GET", f"/oauth/v1/access-tokens/{tokens['access_token']}")
        walk.call("GET", f"/oauth/v1/refresh-tokens/{tokens['refresh_token']}")
        walk.call("DELETE", f"/oauth/v1/refresh-tokens/{tokens['refresh_token']}")
        walk.call("GET", "/oauth/authorize", query=f"client_id={app['client_id']}&redirect_uri={code['redirect_uri']}")
        prefix = "/oauth/v3"
        walk.app.state.authorization_codes["c0de"] = frozenset({"oauth"})
        tokens = walk.call("POST", f"{prefix}/token", form={**app, **code, "code": "c0de"})
    walk.call("POST", f"{prefix}/token/introspect", form={**app, "token": tokens["access_token"]})
    walk.call("POST", f"{prefix}/token/revoke", form={**app, "token": tokens["refresh_token"]})
