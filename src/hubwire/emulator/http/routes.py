"""Every operation of HubSpot's API that the emulator serves, at each version's path.

Paths are HubSpot's own (its OpenAPI): v3 and v4 say `/crm/v3/objects/…`, dates say `/crm/objects/2026-09/…`. For the
custom events of 2026-03 HubSpot's OpenAPI and its docs disagree on the path; both answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from hubwire.emulator.calls.crm import associations, batches, labels, search, singles
from hubwire.emulator.calls.marketing import definitions, events, lists
from hubwire.emulator.calls.portal import account, oauth, owners
from hubwire.emulator.calls.schema import object_library, pipelines, properties, property_groups, schemas
from hubwire.emulator.http.journal_routes import journal_routes
from hubwire.emulator.http.legacy_routes import legacy_routes
from hubwire.emulator.http.routing import (
    Handler,
    Route,
    Router,
    ScopesNeeded,
)
from hubwire.emulator.store.access import object_scopes, schema_scopes
from hubwire.emulator.store.limiter import Lane
from hubwire.emulator.store.portal import Portal

DATES = ("2025-09", "2026-03", "2026-09")


@cache
def standard_router() -> Router:
    """The whole table, ready to be searched; made once."""
    return Router(all_routes())


def all_routes() -> Iterator[Route]:
    """The whole table."""
    yield from _object_routes()
    yield from _property_routes()
    yield from _association_routes()
    yield from _event_routes()
    yield from _account_routes()
    yield from _oauth_routes()
    yield from _people_routes()
    yield from _list_routes()
    yield from journal_routes()
    yield from legacy_routes()


def _records(access: str) -> ScopesNeeded:
    def needed(portal: Portal, params: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
        return (object_scopes(portal.store(params["objectType"]).kind, access),)

    return needed


def _schemas(access: str) -> ScopesNeeded:
    def needed(portal: Portal, params: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
        return (schema_scopes(portal.store(params["objectType"]).kind, access),)

    return needed


def _both(access: str) -> ScopesNeeded:
    def needed(portal: Portal, params: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
        names = (params.get("fromObjectType") or params["objectType"], params["toObjectType"])
        return tuple(object_scopes(portal.store(name).kind, access) for name in names)

    return needed


def _fixed(*alternatives: str) -> ScopesNeeded:
    return lambda _portal, _params: (alternatives,)


def _object_routes() -> Iterator[Route]:
    read, write = _records("read"), _records("write")
    operations: list[tuple[str, str, Handler, ScopesNeeded]] = [
        ("GET", "", singles.list_records, read),
        ("POST", "", singles.create, write),
        ("GET", "/{id}", singles.read, read),
        ("PATCH", "/{id}", singles.update, write),
        ("DELETE", "/{id}", singles.archive, write),
        ("POST", "/batch/read", batches.read, read),
        ("POST", "/batch/create", batches.create, write),
        ("POST", "/batch/update", batches.update, write),
        ("POST", "/batch/upsert", batches.upsert, write),
        ("POST", "/batch/archive", batches.archive, write),
        ("POST", "/search", search.search, read),
        ("POST", "/merge", singles.merge, write),
        ("POST", "/gdpr-delete", singles.privacy_delete, write),
    ]
    for version, prefix in (("v3", "/crm/v3/objects"), *((date, f"/crm/objects/{date}") for date in DATES)):
        for method, suffix, handler, scopes in operations:
            lane = Lane.SEARCH if suffix == "/search" else Lane.GENERAL
            changes = suffix in ("/merge", "/gdpr-delete")
            pattern = f"{prefix}/{{objectType}}{suffix}"
            yield Route(method, pattern, handler, version, lane, scopes, changes_account=changes)

    # v4's associations live under the same prefix; older programs read pages of records there too.
    yield Route("GET", "/crm/v4/objects/{objectType}", singles.list_records, "v4", Lane.GENERAL, read)
    yield Route("GET", "/crm/v4/objects/{objectType}/{id}", singles.read, "v4", Lane.GENERAL, read)


def _property_routes() -> Iterator[Route]:
    read, write = _schemas("read"), _schemas("write")
    operations: list[tuple[str, str, Handler, ScopesNeeded]] = [
        ("GET", "", properties.list_properties, read),
        ("POST", "", properties.create_property, write),
        ("POST", "/batch/create", properties.create_batch, write),
        ("POST", "/batch/read", properties.read_batch, read),
        ("POST", "/batch/archive", properties.archive_batch, write),
        ("GET", "/groups", property_groups.list_groups, read),
        ("POST", "/groups", property_groups.create_group, write),
        ("GET", "/groups/{groupName}", property_groups.read_group, read),
        ("PATCH", "/groups/{groupName}", property_groups.update_group, write),
        ("DELETE", "/groups/{groupName}", property_groups.archive_group, write),
        ("GET", "/{propertyName}", properties.read_property, read),
        ("PATCH", "/{propertyName}", properties.update_property, write),
        ("DELETE", "/{propertyName}", properties.archive_property, write),
    ]
    for version, prefix in (("v3", "/crm/v3/properties"), *((date, f"/crm/properties/{date}") for date in DATES)):
        for method, suffix, handler, scopes in operations:
            pattern = f"{prefix}/{{objectType}}{suffix}"
            yield Route(method, pattern, handler, version, Lane.GENERAL, scopes, changes_account=True)


def _association_routes() -> Iterator[Route]:
    read, write = _both("read"), _both("write")
    pairs: list[tuple[str, str, Handler, ScopesNeeded]] = [
        ("POST", "/batch/associate/default", associations.associate_default_batch, write),
        ("POST", "/batch/create", associations.associate_batch, write),
        ("POST", "/batch/read", associations.read_batch, read),
        ("POST", "/batch/archive", associations.archive_batch, write),
        ("POST", "/batch/labels/archive", associations.archive_labels, write),
        ("GET", "/labels", labels.list_labels, read),
        ("POST", "/labels", labels.create_label, write),
        ("PUT", "/labels", labels.update_label, write),
        ("DELETE", "/labels/{associationTypeId}", labels.archive_label, write),
    ]
    targets = "/{objectType}/{id}/associations/{toObjectType}"
    records: list[tuple[str, str, Handler, ScopesNeeded]] = [
        (
            "PUT",
            "/{fromObjectType}/{id}/associations/default/{toObjectType}/{toObjectId}",
            associations.associate_default,
            write,
        ),
        ("GET", targets, associations.read_one, read),
        ("PUT", f"{targets}/{{toObjectId}}", associations.associate, write),
        ("DELETE", f"{targets}/{{toObjectId}}", associations.archive_one, write),
    ]
    dated = [(date, f"/crm/associations/{date}", f"/crm/objects/{date}") for date in DATES]
    for version, pair_prefix, record_prefix in [("v4", "/crm/v4/associations", "/crm/v4/objects"), *dated]:
        for method, suffix, handler, scopes in pairs:
            pattern = f"{pair_prefix}/{{fromObjectType}}/{{toObjectType}}{suffix}"
            changes = suffix.startswith("/labels")
            yield Route(method, pattern, handler, version, Lane.ASSOCIATIONS, scopes, changes_account=changes)
        for method, suffix, handler, scopes in records:
            yield Route(method, f"{record_prefix}{suffix}", handler, version, Lane.ASSOCIATIONS, scopes)
    targets_v3 = f"/crm/v3/objects{targets}"
    by_name = f"{targets_v3}/{{toObjectId}}/{{associationType}}"
    yield Route("GET", targets_v3, associations.read_one, "v3", Lane.ASSOCIATIONS, read)
    yield Route("PUT", by_name, associations.associate_by_name, "v3", Lane.ASSOCIATIONS, write)
    yield Route("DELETE", by_name, associations.archive_by_name, "v3", Lane.ASSOCIATIONS, write)
    for method, suffix, handler, scopes in pairs:
        if suffix in ("/batch/create", "/batch/read", "/batch/archive"):
            pattern = f"/crm/v3/associations/{{fromObjectType}}/{{toObjectType}}{suffix}"
            yield Route(method, pattern, handler, "v3", Lane.ASSOCIATIONS, scopes)


def _event_routes() -> Iterator[Route]:
    prefixes = [("v3", "/events/v3"), ("2026-03", "/events/2026-03")]
    prefixes += [(date, f"/events/custom/{date}") for date in DATES]
    sending = _fixed("analytics.behavioral_events.send")
    defining = _fixed("behavioral_events.event_definitions.read_write")
    definition_calls: list[tuple[str, str, Handler]] = [
        ("GET", "", definitions.list_definitions),
        ("POST", "", definitions.create),
        ("GET", "/{eventName}", definitions.read),
        ("PATCH", "/{eventName}", definitions.update),
        ("DELETE", "/{eventName}", definitions.delete),
        ("POST", "/{eventName}/property", definitions.create_property),
        ("PATCH", "/{eventName}/property/{propertyName}", definitions.update_property),
        ("DELETE", "/{eventName}/property/{propertyName}", definitions.delete_property),
    ]
    for version, prefix in prefixes:
        yield Route("POST", f"{prefix}/send", events.send, version, Lane.EVENTS, sending, is_event=True)
        batch = f"{prefix}/send/batch"
        yield Route("POST", batch, events.send_batch, version, Lane.EVENTS, sending, is_event=True)
        for method, suffix, handler in definition_calls:
            pattern = f"{prefix}/event-definitions{suffix}"
            yield Route(method, pattern, handler, version, Lane.GENERAL, defining, is_event=True, changes_account=True)
    reading = _fixed("crm.objects.contacts.read", "crm.objects.companies.read")
    occurrences = [("v3", "/events/v3/events"), *((date, f"/events/event-occurrences/{date}") for date in DATES)]
    for version, pattern in occurrences:
        yield Route("GET", pattern, events.read, version, Lane.GENERAL, reading, is_event=True)
        types = f"{pattern}/event-types"
        yield Route("GET", types, events.read_types, version, Lane.GENERAL, reading, is_event=True)


def _account_routes() -> Iterator[Route]:
    limits: list[tuple[str, Handler]] = [
        ("custom-properties", account.custom_property_limits),
        ("records", account.record_limits),
        ("custom-object-types", account.custom_object_limits),
    ]
    record_scopes = _fixed(
        *(f"crm.objects.{name}.{access}" for name in ("contacts", "companies") for access in ("read", "write"))
    )
    for version in ("v3", *DATES):
        info = f"/account-info/{version}"
        yield Route("GET", f"{info}/details", account.details, version, Lane.GENERAL)
        yield Route("GET", f"{info}/api-usage/daily/private-apps", account.daily_usage, version, Lane.GENERAL)
        prefix = "/crm/v3/limits" if version == "v3" else f"/crm/limits/{version}"
        for name, handler in limits:
            yield Route("GET", f"{prefix}/{name}", handler, version, Lane.GENERAL, record_scopes)
        library = "/crm/v3/object-library" if version == "v3" else f"/crm/object-library/{version}"
        yield Route("GET", f"{library}/enablement", object_library.read_all, version, Lane.GENERAL)
        yield Route("GET", f"{library}/enablement/{{objectTypeId}}", object_library.read_one, version, Lane.GENERAL)
    schema_prefixes = [("v3", "/crm/v3/schemas"), ("v3", "/crm-object-schemas/v3/schemas")]
    schema_prefixes += [(date, f"/crm-object-schemas/{date}/schemas") for date in DATES]
    for version, prefix in schema_prefixes:
        custom, schema = _fixed("crm.schemas.custom.write"), f"{prefix}/{{objectType}}"
        linked = f"{schema}/associations"
        yield Route("GET", prefix, schemas.list_schemas, version, Lane.GENERAL)
        yield Route("GET", schema, schemas.read_schema, version, Lane.GENERAL, _schemas("read"))
        for method, pattern, handler in (
            ("POST", prefix, schemas.create_schema),
            ("PATCH", schema, schemas.update_schema),
            ("DELETE", schema, schemas.delete_schema),
            ("POST", linked, schemas.create_association),
            ("DELETE", f"{linked}/{{associationIdentifier}}", schemas.delete_association),
        ):
            yield Route(method, pattern, handler, version, Lane.GENERAL, custom, changes_account=True)


def _people_routes() -> Iterator[Route]:
    owning = _fixed("crm.objects.owners.read", "contacts")
    read, write = _records("read"), _schemas("write")
    operations: list[tuple[str, str, Handler, ScopesNeeded]] = [
        ("GET", "", pipelines.list_pipelines, read),
        ("POST", "", pipelines.create_pipeline, write),
        ("GET", "/{pipelineId}", pipelines.read_pipeline, read),
        ("PUT", "/{pipelineId}", pipelines.replace_pipeline, write),
        ("PATCH", "/{pipelineId}", pipelines.update_pipeline, write),
        ("DELETE", "/{pipelineId}", pipelines.delete_pipeline, write),
        ("GET", "/{pipelineId}/stages", pipelines.list_stages, read),
        ("POST", "/{pipelineId}/stages", pipelines.create_stage, write),
        ("GET", "/{pipelineId}/stages/{stageId}", pipelines.read_stage, read),
        ("PUT", "/{pipelineId}/stages/{stageId}", pipelines.replace_stage, write),
        ("PATCH", "/{pipelineId}/stages/{stageId}", pipelines.update_stage, write),
        ("DELETE", "/{pipelineId}/stages/{stageId}", pipelines.delete_stage, write),
    ]
    for version in ("v3", *DATES):
        people = "/crm/v3/owners" if version == "v3" else f"/crm/owners/{version}"
        yield Route("GET", people, owners.list_owners, version, Lane.GENERAL, owning)
        yield Route("GET", f"{people}/{{ownerId}}", owners.read_owner, version, Lane.GENERAL, owning)
        prefix = "/crm/v3/pipelines" if version == "v3" else f"/crm/pipelines/{version}"
        for method, suffix, handler, scopes in operations:
            pattern = f"{prefix}/{{objectType}}{suffix}"
            yield Route(method, pattern, handler, version, Lane.GENERAL, scopes, changes_account=True)


def _list_routes() -> Iterator[Route]:
    read, write = _fixed("crm.lists.read"), _fixed("crm.lists.write")
    operations: list[tuple[str, str, Handler, ScopesNeeded]] = [
        ("GET", "", lists.read_lists, read),
        ("POST", "", lists.create_list, write),
        ("POST", "/search", lists.search_lists, read),
        ("GET", "/object-type-id/{objectTypeId}/name/{listName}", lists.read_list_by_name, read),
        ("GET", "/records/{objectTypeId}/{recordId}/memberships", lists.read_lists_of_record, read),
        ("GET", "/{listId}", lists.read_list, read),
        ("DELETE", "/{listId}", lists.delete_list, write),
        ("PUT", "/{listId}/restore", lists.restore_list, write),
        ("PUT", "/{listId}/update-list-name", lists.rename_list, write),
        ("PUT", "/{listId}/update-list-filters", lists.update_list_filters, write),
        ("GET", "/{listId}/memberships", lists.read_members, read),
        ("GET", "/{listId}/memberships/join-order", lists.read_members, read),
        ("DELETE", "/{listId}/memberships", lists.clear_members, write),
        ("PUT", "/{listId}/memberships/add", lists.add_members, write),
        ("PUT", "/{listId}/memberships/remove", lists.remove_members, write),
        ("PUT", "/{listId}/memberships/add-and-remove", lists.change_members, write),
    ]
    for version in ("v3", *DATES):
        prefix = "/crm/v3/lists" if version == "v3" else f"/crm/lists/{version}"
        for method, suffix, handler, scopes in operations:
            yield Route(method, prefix + suffix, handler, version, Lane.GENERAL, scopes, changes_account=True)


def _oauth_routes() -> Iterator[Route]:
    open_routes: list[tuple[str, str, Handler, str]] = [
        ("GET", "/oauth/authorize", oauth.authorize, "v1"),
        ("POST", "/oauth/v1/token", oauth.token, "v1"),
        ("GET", "/oauth/v1/access-tokens/{token}", oauth.read_access_token, "v1"),
        ("GET", "/oauth/v1/refresh-tokens/{token}", oauth.read_refresh_token, "v1"),
        ("DELETE", "/oauth/v1/refresh-tokens/{token}", oauth.delete_refresh_token, "v1"),
    ]
    for version in ("v3", *DATES):
        open_routes += [
            ("POST", f"/oauth/{version}/token", oauth.token, version),
            ("POST", f"/oauth/{version}/token/introspect", oauth.introspect, version),
            ("POST", f"/oauth/{version}/token/revoke", oauth.revoke, version),
        ]
    for method, pattern, handler, version in open_routes:
        yield Route(method, pattern, handler, version, Lane.FREE, needs_token=False, changes_account=True)
