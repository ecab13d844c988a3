"""Older paths that programs still use, forms, and communication preferences.

Paths are HubSpot's own (its legacy pages and OpenAPI).
"""

from __future__ import annotations

from collections.abc import Iterator

from hubwire.emulator.calls.legacy import (
    legacy_companies,
    legacy_contacts,
    legacy_deals,
    legacy_engagements,
    legacy_lists,
    legacy_properties,
)
from hubwire.emulator.calls.marketing import forms, subscriptions
from hubwire.emulator.calls.portal import oauth, owners
from hubwire.emulator.calls.schema import pipelines
from hubwire.emulator.http.routing import Handler, Route, ScopesNeeded
from hubwire.emulator.store.limiter import Lane

Operation = tuple[str, str, Handler]


def _any_of(*alternatives: str) -> ScopesNeeded:
    return lambda _portal, _params: (alternatives,)


_READ_CONTACTS = _any_of("crm.objects.contacts.read", "contacts")
_WRITE_CONTACTS = _any_of("crm.objects.contacts.write", "contacts")
_READ_COMPANIES = _any_of("crm.objects.companies.read", "contacts")
_WRITE_COMPANIES = _any_of("crm.objects.companies.write", "contacts")

_CONTACT = "/contacts/v1/contact"
_CONTACTS: list[Operation] = [
    ("POST", _CONTACT, legacy_contacts.create),
    ("POST", f"{_CONTACT}/createOrUpdate/email/{{email}}", legacy_contacts.create_or_update),
    ("POST", f"{_CONTACT}/batch", legacy_contacts.batch),
    ("GET", f"{_CONTACT}/vid/{{vid}}/profile", legacy_contacts.read),
    ("GET", f"{_CONTACT}/email/{{email}}/profile", legacy_contacts.read),
    ("POST", f"{_CONTACT}/vid/{{vid}}/profile", legacy_contacts.update),
    ("POST", f"{_CONTACT}/email/{{email}}/profile", legacy_contacts.update),
    ("DELETE", f"{_CONTACT}/vid/{{vid}}", legacy_contacts.delete),
    ("GET", "/contacts/v1/lists/all/contacts/all", legacy_contacts.list_contacts),
    ("GET", f"{_CONTACT}/vids/batch", legacy_contacts.read_batch),
    ("GET", f"{_CONTACT}/emails/batch", legacy_contacts.read_batch),
    ("GET", "/contacts/v1/lists/all/contacts/recent", legacy_contacts.list_recent),
    ("GET", "/contacts/v1/lists/recently_updated/contacts/recent", legacy_contacts.list_recent),
    ("GET", "/contacts/v1/search/query", legacy_contacts.search),
]
_LISTS: list[Operation] = [
    ("GET", "/contacts/v1/lists", legacy_lists.list_lists),
    ("GET", "/contacts/v1/lists/static", legacy_lists.list_lists),
    ("POST", "/contacts/v1/lists", legacy_lists.create_list),
    ("GET", "/contacts/v1/lists/{listId}", legacy_lists.read_list),
    ("DELETE", "/contacts/v1/lists/{listId}", legacy_lists.delete_list),
    ("POST", "/contacts/v1/lists/{listId}/add", legacy_lists.add_members),
    ("POST", "/contacts/v1/lists/{listId}/remove", legacy_lists.remove_members),
]
_COMPANY = "/companies/v2/companies"
_COMPANIES: list[Operation] = [
    ("POST", _COMPANY, legacy_companies.create),
    ("GET", f"{_COMPANY}/paged", legacy_companies.list_companies),
    ("GET", f"{_COMPANY}/{{companyId}}", legacy_companies.read),
    ("PUT", f"{_COMPANY}/{{companyId}}", legacy_companies.update),
    ("DELETE", f"{_COMPANY}/{{companyId}}", legacy_companies.delete),
    ("GET", f"{_COMPANY}/{{companyId}}/contacts", legacy_companies.list_contacts),
    ("PUT", f"{_COMPANY}/{{companyId}}/contacts/{{vid}}", legacy_companies.add_contact),
    ("POST", "/companies/v2/domains/{domain}/companies", legacy_companies.search_by_domain),
]


_DEAL = "/deals/v1/deal"
_DEALS: list[Operation] = [
    ("POST", _DEAL, legacy_deals.create),
    ("GET", f"{_DEAL}/paged", legacy_deals.list_deals),
    ("GET", f"{_DEAL}/{{dealId}}", legacy_deals.read),
    ("PUT", f"{_DEAL}/{{dealId}}", legacy_deals.update),
    ("DELETE", f"{_DEAL}/{{dealId}}", legacy_deals.delete),
]


def legacy_routes() -> Iterator[Route]:
    """Every route of this module."""
    tables = (
        (_CONTACTS, _READ_CONTACTS, _WRITE_CONTACTS),
        (_COMPANIES, _READ_COMPANIES, _WRITE_COMPANIES),
        (_DEALS, _any_of("crm.objects.deals.read", "contacts"), _any_of("crm.objects.deals.write", "contacts")),
    )
    for operations, read, write in tables:
        for method, pattern, handler in operations:
            is_read = method == "GET" or handler is legacy_companies.search_by_domain
            yield Route(method, pattern, handler, "v1", Lane.GENERAL, read if is_read else write)
    for method, pattern, handler in _LISTS:
        lists = _any_of("crm.lists.read" if method == "GET" else "crm.lists.write", "contacts")
        yield Route(method, pattern, handler, "v1", Lane.GENERAL, lists, changes_account=True)
    links = "/crm-associations/v1/associations"
    yield Route("PUT", links, legacy_lists.associate, "v1", Lane.ASSOCIATIONS, _WRITE_CONTACTS)
    linked = f"{links}/{{objectId}}/HUBSPOT_DEFINED/{{definitionId}}"
    yield Route("GET", linked, legacy_lists.read_associations, "v1", Lane.ASSOCIATIONS, _READ_CONTACTS)
    yield from _property_routes()
    yield Route("GET", "/owners/v2/owners", owners.list_owners_v2, "v1", Lane.GENERAL)
    users = _any_of("settings.users.read")
    yield Route("GET", "/settings/v3/users", owners.list_users, "v3", Lane.GENERAL, users)
    yield Route("GET", "/settings/v3/users/teams", owners.list_teams, "v3", Lane.GENERAL, users)
    yield Route("GET", "/settings/v3/users/{userId}", owners.read_user, "v3", Lane.GENERAL, users)
    engagements = "/engagements/v1/engagements"
    yield Route("POST", engagements, legacy_engagements.create, "v1", Lane.GENERAL, _WRITE_CONTACTS)
    paged = f"{engagements}/paged"
    yield Route("GET", paged, legacy_engagements.list_engagements, "v1", Lane.GENERAL, _READ_CONTACTS)
    modified = f"{engagements}/modified/after"
    yield Route("GET", modified, legacy_engagements.list_modified, "v1", Lane.GENERAL, _READ_CONTACTS)
    engagement = f"{engagements}/{{engagementId}}"
    yield Route("GET", engagement, legacy_engagements.read, "v1", Lane.GENERAL, _READ_CONTACTS)
    types_v1 = "/email/public/v1/subscriptions"
    yield Route("GET", types_v1, subscriptions.list_definitions_v1, "v1", Lane.GENERAL)
    yield Route("GET", "/deals/v1/pipelines", pipelines.list_deal_pipelines_v1, "v1", Lane.GENERAL)
    pipelines_v1 = "/crm-pipelines/v1/pipelines/{objectType}"
    yield Route("GET", pipelines_v1, pipelines.list_pipelines_v1, "v1", Lane.GENERAL)
    info = "/oauth/v2/private-apps/get/access-token-info"
    yield Route("POST", info, oauth.read_private_app_token, "v1", Lane.GENERAL)
    yield from _form_routes()
    yield from _subscription_routes()


def _property_routes() -> Iterator[Route]:
    for version in ("v1", "v2"):
        prefix = f"/properties/{version}/{{objectType}}"
        yield Route("GET", f"{prefix}/properties", legacy_properties.list_properties, "v1", Lane.GENERAL)
        named = f"{prefix}/properties/named/{{propertyName}}"
        yield Route("GET", named, legacy_properties.read_property, "v1", Lane.GENERAL)
        yield Route("GET", f"{prefix}/groups", legacy_properties.list_groups, "v1", Lane.GENERAL)
        create = legacy_properties.create_property
        yield Route("POST", f"{prefix}/properties", create, "v1", Lane.GENERAL, changes_account=True)
    yield Route("GET", "/companies/v2/properties", legacy_properties.list_company_properties, "v1", Lane.GENERAL)


def _form_routes() -> Iterator[Route]:
    open_path = "/submissions/v3/integration/submit/{portalId}/{formGuid}"
    yield Route("POST", open_path, forms.submit, "v3", Lane.OPEN_FORMS, needs_token=False)
    secure_path = "/submissions/v3/integration/secure/submit/{portalId}/{formGuid}"
    yield Route("GET", "/marketing/v3/forms", forms.list_forms, "v3", Lane.GENERAL, _any_of("forms"))
    yield Route("POST", secure_path, forms.submit, "v3", Lane.FORMS, _any_of("forms"))


def _subscription_routes() -> Iterator[Route]:
    reading = _any_of("communication_preferences.read_write", "communication_preferences.read")
    writing = _any_of("communication_preferences.read_write", "communication_preferences.write")
    batches = {name: _any_of(f"communication_preferences.statuses.batch.{name}") for name in ("read", "write")}
    for version in ("v3", "v4", "2025-09", "2026-03", "2026-09"):
        prefix = f"/communication-preferences/{version}"
        yield Route("GET", f"{prefix}/definitions", subscriptions.list_definitions, version, Lane.GENERAL, reading)
        v3_calls: list[Operation] = [
            ("GET", "/status/email/{email}", subscriptions.read_status_v3),
            ("POST", "/subscribe", subscriptions.subscribe_v3),
            ("POST", "/unsubscribe", subscriptions.unsubscribe_v3),
        ]
        newer_calls: list[Operation] = [
            ("GET", "/statuses/{email}", subscriptions.read_statuses),
            ("POST", "/statuses/{email}", subscriptions.set_status),
            ("POST", "/statuses/{email}/unsubscribe-all", subscriptions.unsubscribe_all),
        ]
        for method, suffix, handler in v3_calls if version == "v3" else newer_calls:
            scopes = reading if method == "GET" else writing
            yield Route(method, prefix + suffix, handler, version, Lane.GENERAL, scopes, changes_account=True)
        if version != "v3":
            batch = f"{prefix}/statuses/batch"
            yield Route("POST", f"{batch}/read", subscriptions.read_batch, version, Lane.GENERAL, batches["read"])
            yield Route(
                "POST",
                f"{batch}/write",
                subscriptions.write_batch,
                version,
                Lane.GENERAL,
                batches["write"],
                changes_account=True,
            )
