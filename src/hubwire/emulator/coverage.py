"""The notes on each operation, and the table in COVERAGE.md: `python -m hubwire.emulator.coverage` rewrites it.

A test ensures that every route has a note and that the file is current.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from hubwire.emulator.http.routes import DATES, all_routes, standard_router
from hubwire.emulator.http.routing import Route
from hubwire.emulator.recorded_truth import Row, rows

PAGE = Path(__file__).with_name("COVERAGE.md")
START, END = "<!-- operations: generated -->", "<!-- /operations -->"
SOURCES_START, SOURCES_END = "<!-- sources: generated -->", "<!-- /sources -->"


class Note(NamedTuple):
    """One operation: its behaviour, the source, and the level of evidence.

    Shape: `sure` is "documented" (HubSpot's pages or OpenAPI), "recorded" (recorded on real portals by third parties),
    "chosen" (no evidence found; the stricter or simpler reading), or several of them.
    """

    behaviour: str
    source: str
    sure: str


OBJECTS = "Object guides, OpenAPI"
BATCH = "Batch guide, OpenAPI, live probes of 2026"
PROPERTIES = "Properties guide, OpenAPI, live conformance runs of 2026-09"
ASSOCIATIONS = "Associations guide, OpenAPI"
EVENTS = "Event definition and send-event guides, OpenAPI"
ACCOUNT = "OpenAPI, live reads of 2026-09"
SCHEMAS = "OpenAPI, schemas guide, a recorded schema of contacts"
LIBRARY = "Object library guide, OpenAPI"
PIPELINES = "OpenAPI, pipelines guide, recorded pipelines"
LISTS = "OpenAPI, lists guide, a recorded page"
LEGACY = "HubSpot's legacy pages, programs that use it"
SUBSCRIPTIONS = "OpenAPI, guides, recorded tests"
OAUTH = "OAuth token guide, OpenAPI"
JOURNAL = "OpenAPI of the webhooks journal"

NOTES: dict[str, Note] = {
    "singles.list_records": Note(
        "pages of up to 100; `after` is the last id; archived records separately", OBJECTS, "documented"
    ),
    "singles.create": Note(
        "one record; an existing e-mail is a 409 with `Existing ID: n`; contacts need an e-mail or a name, companies a "
        "name or a domain; associations in the same call",
        OBJECTS + ", recorded 409s",
        "documented, recorded; wording of the missing-name 400 chosen",
    ),
    "singles.read": Note("by id or `idProperty`, history, associations; a merged id redirects", OBJECTS, "documented"),
    "singles.update": Note("by id, merged id or `idProperty`; may change the e-mail", OBJECTS, "documented"),
    "singles.archive": Note("204 even for an unknown id; frees e-mail and unique values", OBJECTS, "documented"),
    "singles.merge": Note(
        "a new record with a new id; the primary's values win; old ids redirect; 414 after 250 merges",
        "Merge changelog, OpenAPI",
        "documented; secondary e-mails after a merge chosen",
    ),
    "singles.privacy_delete": Note(
        "deletes the record permanently, and refuses the address from then on, also an unknown one",
        OBJECTS,
        "documented; 400 text chosen",
    ),
    "batches.read": Note("up to 100 (50 with history); missing ids in a 207", BATCH, "documented, recorded"),
    "batches.create": Note(
        "up to 100; 207 with trace ids, else all or nothing; a lead needs its contact in the same call",
        BATCH,
        "documented, recorded; 400 text for a lead chosen",
    ),
    "batches.update": Note("unknown and merged ids have their own errors in a 207", BATCH, "documented, recorded"),
    "batches.upsert": Note(
        "by e-mail (any case, also secondary) or unique property; duplicates refuse the batch; 207 with trace ids, "
        "else a 400 for the batch; results in another order; 400 for a non-unique property",
        BATCH,
        "recorded (on older paths); on 2026-09 unsure, `allows_partial_upsert` gives the other reading",
    ),
    "batches.archive": Note("204; ignores unknown ids", BATCH, "documented"),
    "search.search": Note(
        "all operators, 5 groups, 6 filters, 18 in all, 200 a page, 10,000 results, 3,000 characters; index lag; own "
        "5/s",
        "Search guide, live probes of 2026",
        "documented, recorded; 400 texts chosen",
    ),
    "properties.list_properties": Note(
        "no paging; a new property appears after the lag", PROPERTIES, "documented, recorded"
    ),
    "properties.create_property": Note(
        "names, pairs of type and fieldType, options, 10 unique ones, 1,000 in all; 409; restores an archived name",
        PROPERTIES,
        "documented, recorded; text for bad names chosen",
    ),
    "properties.create_batch": Note("up to 100; a 207 names existing ones", PROPERTIES, "documented, recorded"),
    "properties.read_batch": Note("a 207 names missing ones", PROPERTIES, "documented, recorded"),
    "properties.archive_batch": Note("204", PROPERTIES, "documented"),
    "properties.read_property": Note("404 until the lag has passed", PROPERTIES, "documented, recorded"),
    "properties.update_property": Note(
        "options are replaced; name and uniqueness stay", PROPERTIES, "documented, recorded"
    ),
    "properties.archive_property": Note(
        "in use: 400 CANNOT_DELETE_PROPERTY_IN_USE", PROPERTIES, "documented, recorded"
    ),
    "property_groups.list_groups": Note("every group", PROPERTIES, "documented"),
    "property_groups.create_group": Note("409 for a name in use", PROPERTIES, "documented, recorded"),
    "property_groups.read_group": Note("one group", PROPERTIES, "documented"),
    "property_groups.update_group": Note("label and order", PROPERTIES, "documented"),
    "property_groups.archive_group": Note(
        "with members: 400 GROUP_WITH_ACTIVE_PROPERTIES", PROPERTIES, "documented, recorded"
    ),
    "associations.associate_default": Note(
        "unlabelled (279/280 between contacts and companies), idempotent", ASSOCIATIONS, "documented, recorded"
    ),
    "associations.associate_default_batch": Note(
        "up to 2,000; missing records have their own errors", ASSOCIATIONS, "documented; error shape chosen"
    ),
    "associations.associate": Note("adds labels; one primary company", ASSOCIATIONS, "documented"),
    "associations.associate_by_name": Note("the v3 path; type by name or id", ASSOCIATIONS, "documented"),
    "associations.archive_by_name": Note("the v3 path; one label", ASSOCIATIONS, "documented"),
    "associations.associate_batch": Note("up to 2,000", ASSOCIATIONS, "documented; error shape chosen"),
    "associations.read_one": Note(
        "pages of up to 500; on 2026-09 only the document of Partner Services lists it", ASSOCIATIONS, "documented"
    ),
    "associations.read_batch": Note(
        "up to 1,000, each with its own pages; a 207 names records without associations",
        ASSOCIATIONS,
        "documented; pages of 500 chosen",
    ),
    "associations.archive_one": Note("removes the associations of two records", ASSOCIATIONS, "documented"),
    "associations.archive_batch": Note("204 on v4, 200 with a body on dates", ASSOCIATIONS, "documented"),
    "associations.archive_labels": Note("removing the unlabelled association removes all", ASSOCIATIONS, "documented"),
    "labels.list_labels": Note("primary, unlabelled and the account's own", ASSOCIATIONS, "documented"),
    "labels.create_label": Note("both directions", ASSOCIATIONS, "documented; type ids are the emulator's"),
    "labels.update_label": Note("changes the texts", ASSOCIATIONS, "documented"),
    "labels.archive_label": Note("removes the label everywhere", ASSOCIATIONS, "documented"),
    "events.send": Note(
        "204; identity by matching rule, record id, e-mail, visitor token; uuid dropped for a year; Enterprise only",
        EVENTS,
        "documented; 400 and 403 bodies and the handling of an unknown e-mail chosen",
    ),
    "events.send_batch": Note("up to 500, all or none", EVENTS, "documented; 400 bodies chosen"),
    "events.read": Note("by object, type and time, newest first", "OpenAPI", "documented; order chosen"),
    "events.read_types": Note("event types with occurrences", "OpenAPI", "documented"),
    "definitions.list_definitions": Note("pages, search, with or without properties", EVENTS, "documented"),
    "definitions.create": Note("at most 500; 409 for a name in use or used before", EVENTS, "documented"),
    "definitions.read": Note("by plain or fully qualified name", EVENTS, "documented"),
    "definitions.update": Note("answers 201", "OpenAPI", "documented"),
    "definitions.delete": Note("permanently", EVENTS, "documented"),
    "definitions.create_property": Note("409 for a name in use", EVENTS, "documented"),
    "definitions.update_property": Note("answers 201", "OpenAPI", "documented"),
    "definitions.delete_property": Note("drops later values of the property", EVENTS, "documented; dropping chosen"),
    "account.details": Note("portal id, time zone, hosting", ACCOUNT, "documented, recorded"),
    "account.daily_usage": Note("today's calls and when the day ends", "OpenAPI", "documented"),
    "account.custom_property_limits": Note("1,000 for each type", ACCOUNT, "documented, recorded"),
    "account.record_limits": Note("counts are real, limits nominal", "OpenAPI", "documented"),
    "object_library.read_all": Note("each type of the object library, by its id", LIBRARY, "documented"),
    "object_library.read_one": Note("one type", LIBRARY, "documented; 404 for another type chosen"),
    "account.custom_object_limits": Note("counts are real, limits nominal", "OpenAPI", "documented"),
    "schemas.list_schemas": Note("the account's own types", SCHEMAS, "documented"),
    "schemas.read_schema": Note("any type with its properties", SCHEMAS, "documented"),
    "schemas.create_schema": Note("10 types, Enterprise only", SCHEMAS, "documented; the 403 chosen"),
    "schemas.update_schema": Note(
        "labels, description, required, searchable and shown properties", SCHEMAS, "documented"
    ),
    "schemas.delete_schema": Note("a type without records", SCHEMAS, "documented; 400 text chosen"),
    "schemas.create_association": Note("another pair of types", SCHEMAS, "documented; type ids are the emulator's"),
    "schemas.delete_association": Note("removes the pair's definitions", SCHEMAS, "documented"),
    "owners.list_owners": Note(
        "pages; by e-mail; archived owners separately", "OpenAPI", "documented; a fresh portal's owner chosen"
    ),
    "owners.read_owner": Note("by owner id or user id", "OpenAPI", "documented"),
    "owners.list_users": Note("the users of the owners", "OpenAPI", "documented"),
    "owners.read_user": Note("by id, or by e-mail with idProperty", "OpenAPI", "documented"),
    "owners.list_teams": Note("no teams", "OpenAPI", "documented; that there are none chosen"),
    "owners.list_owners_v2": Note("every owner in v2's shape", LEGACY, "documented"),
    "pipelines.list_pipelines": Note("every pipeline, not paged", PIPELINES, "documented"),
    "pipelines.list_pipelines_v1": Note("v1's shape; HubSpot ends it on 2026-12-04", LEGACY, "documented"),
    "pipelines.list_deal_pipelines_v1": Note("deal pipelines, a plain list", LEGACY, "documented"),
    "pipelines.create_pipeline": Note("409 for a label in use", PIPELINES, "documented; 409 text chosen"),
    "pipelines.read_pipeline": Note("one pipeline", PIPELINES, "documented"),
    "pipelines.replace_pipeline": Note("replaces the whole pipeline", PIPELINES, "documented"),
    "pipelines.update_pipeline": Note("label and order", PIPELINES, "documented"),
    "pipelines.delete_pipeline": Note("also if it is in use", PIPELINES, "documented; no check of use: chosen"),
    "pipelines.list_stages": Note("the stages of a pipeline", PIPELINES, "documented"),
    "pipelines.create_stage": Note("deal stages need a probability", PIPELINES, "documented"),
    "pipelines.read_stage": Note("one stage", PIPELINES, "documented"),
    "pipelines.replace_stage": Note("replaces the whole stage", PIPELINES, "documented"),
    "pipelines.update_stage": Note("label, order, metadata", PIPELINES, "documented"),
    "pipelines.delete_stage": Note("also if it is in use", PIPELINES, "documented; no check of use: chosen"),
    "lists.read_lists": Note("several by id", LISTS, "documented"),
    "lists.create_list": Note("MANUAL, SNAPSHOT, DYNAMIC; names are unique in the portal", LISTS, "documented"),
    "lists.search_lists": Note("by words of the name, ids, types; sizes as text", LISTS, "documented"),
    "lists.read_list_by_name": Note("by exact name", LISTS, "documented"),
    "lists.read_lists_of_record": Note("the lists of a record", LISTS, "documented"),
    "lists.read_list": Note("one list", LISTS, "documented"),
    "lists.delete_list": Note("can be restored", LISTS, "documented"),
    "lists.restore_list": Note("restores a deleted list", LISTS, "documented"),
    "lists.rename_list": Note("names are unique in the portal", LISTS, "documented"),
    "lists.update_list_filters": Note("stored, never evaluated", LISTS, "documented; evaluation left out"),
    "lists.read_members": Note("pages of up to 250, in order of joining", LISTS, "documented"),
    "lists.clear_members": Note("removes all members", LISTS, "documented"),
    "lists.add_members": Note("names unknown records", LISTS, "documented; refusal for DYNAMIC chosen"),
    "lists.remove_members": Note("names unknown records", LISTS, "documented"),
    "lists.change_members": Note("adds and removes in one call", LISTS, "documented"),
    "legacy_contacts.create": Note("409 with the owner's identity", LEGACY, "documented"),
    "legacy_contacts.create_or_update": Note("by e-mail; id and isNew", LEGACY, "documented"),
    "legacy_contacts.batch": Note("1,000, all or none, 202", LEGACY, "documented; done at once: chosen"),
    "legacy_contacts.read": Note("all values with versions, in v1's shape", LEGACY, "documented"),
    "legacy_contacts.update": Note("204", LEGACY, "documented"),
    "legacy_contacts.delete": Note("to the recycling bin", LEGACY, "documented"),
    "legacy_contacts.list_contacts": Note("pages by vidOffset", LEGACY, "documented"),
    "legacy_contacts.read_batch": Note("by ids or e-mails; unknown ones are left out", LEGACY, "documented"),
    "legacy_contacts.list_recent": Note("by creation or change, newest first", LEGACY, "documented"),
    "legacy_contacts.search": Note("by words, with the search lag", LEGACY, "documented"),
    "legacy_deals.create": Note("a deal in v1's shape, with its associations", LEGACY, "documented"),
    "legacy_deals.list_deals": Note("pages by offset", LEGACY, "documented"),
    "legacy_deals.read": Note("all values", LEGACY, "documented"),
    "legacy_deals.update": Note("new values", LEGACY, "documented"),
    "legacy_deals.delete": Note("to the recycling bin", LEGACY, "documented"),
    "legacy_engagements.create": Note("a note, task, call, meeting or e-mail of the objects API", LEGACY, "documented"),
    "legacy_engagements.list_engagements": Note("pages by offset, oldest first", LEGACY, "documented"),
    "legacy_engagements.list_modified": Note("changed after a time, oldest first", LEGACY, "documented"),
    "legacy_engagements.read": Note("one of any type", LEGACY, "documented"),
    "legacy_companies.create": Note("a company in v2's shape", LEGACY, "documented"),
    "legacy_companies.update": Note("new values", LEGACY, "documented"),
    "legacy_companies.read": Note("all values", LEGACY, "documented"),
    "legacy_companies.delete": Note("to the recycling bin", LEGACY, "documented"),
    "legacy_companies.list_companies": Note("pages by offset", LEGACY, "documented"),
    "legacy_companies.search_by_domain": Note("with the search lag", LEGACY, "documented"),
    "legacy_companies.list_contacts": Note("up to 100 people", LEGACY, "documented; one page: chosen"),
    "legacy_companies.add_contact": Note("the company becomes the primary one", LEGACY, "documented"),
    "legacy_lists.list_lists": Note("pages by offset; `static` without dynamic lists", LEGACY, "documented"),
    "legacy_lists.create_list": Note("filters are not kept", LEGACY, "documented"),
    "legacy_lists.read_list": Note("with its size", LEGACY, "documented"),
    "legacy_lists.delete_list": Note("204", LEGACY, "documented"),
    "legacy_lists.add_members": Note("by vids or e-mails; names those that did not join", LEGACY, "documented"),
    "legacy_lists.remove_members": Note("by vids or e-mails", LEGACY, "documented"),
    "legacy_lists.associate": Note("by definition id; contacts, companies, deals, tickets", LEGACY, "documented"),
    "legacy_lists.read_associations": Note("ids, one page", LEGACY, "documented; one page: chosen"),
    "legacy_properties.list_properties": Note("v1's and v2's shape, a plain list", LEGACY, "documented"),
    "legacy_properties.list_company_properties": Note("the same for companies", LEGACY, "documented"),
    "legacy_properties.read_property": Note("one definition", LEGACY, "documented"),
    "legacy_properties.create_property": Note("a definition", LEGACY, "documented"),
    "legacy_properties.list_groups": Note("with their properties on request", LEGACY, "documented"),
    "forms.list_forms": Note(
        "the seeded forms with names, labels and fields, by page",
        "Forms API, get forms",
        "documented; the type of a field is a text or a choice, and creation times are left out: chosen",
    ),
    "forms.submit": Note(
        "creates or changes the contact and counts the conversion; a `hutk` brings the visits before; example.com and "
        "test.com create nothing; up to a month old, 1,000 fields; a seeded form demands its fields",
        "Submission pages, a live report",
        "documented, recorded; every form exists until forms are seeded, and the source of a new contact: chosen",
    ),
    "subscriptions.list_definitions": Note("three types", SUBSCRIPTIONS, "documented; which types chosen"),
    "subscriptions.list_definitions_v1": Note("the same types in v1's shape", LEGACY, "documented"),
    "subscriptions.read_status_v3": Note("every type's status", SUBSCRIPTIONS, "documented"),
    "subscriptions.subscribe_v3": Note(
        "400 if already subscribed, and after an opt-out", SUBSCRIPTIONS, "documented, recorded"
    ),
    "subscriptions.unsubscribe_v3": Note("400 if already unsubscribed", SUBSCRIPTIONS, "documented, recorded"),
    "subscriptions.read_statuses": Note("every type's status", SUBSCRIPTIONS, "documented"),
    "subscriptions.set_status": Note(
        "can reverse an opt-out; asks for a legal basis if the account has data privacy on",
        SUBSCRIPTIONS,
        "documented; the text of the 400 chosen",
    ),
    "subscriptions.read_batch": Note(
        "every type's status of up to 100 addresses; Enterprise", SUBSCRIPTIONS, "documented; the limit chosen"
    ),
    "subscriptions.write_batch": Note(
        "one status of up to 100 addresses; Enterprise", SUBSCRIPTIONS, "documented; the limit chosen"
    ),
    "subscriptions.unsubscribe_all": Note("unsubscribes from every type", SUBSCRIPTIONS, "documented"),
    "oauth.read_private_app_token": Note("hub id and scopes of a token", LEGACY, "documented"),
    "oauth.authorize": Note("grants consent at once and redirects the browser", OAUTH, "documented"),
    "oauth.token": Note(
        "code, refresh token, client credentials; 1,800 s; errors in both vocabularies",
        OAUTH,
        "documented; BAD_AUTH_CODE chosen",
    ),
    "oauth.introspect": Note("the state of a token", OAUTH, "documented"),
    "oauth.revoke": Note("invalidates a token", OAUTH, "documented"),
    "oauth.read_access_token": Note("the v1 path for the state of a token", OAUTH, "documented"),
    "oauth.read_refresh_token": Note("the v1 path for the state of a token", OAUTH, "documented"),
    "oauth.delete_refresh_token": Note("the v1 path for revoking", OAUTH, "documented"),
    "change_journal.create_subscription": Note(
        "types OBJECT and GDPR_PRIVACY_DELETION, without filters; empty lists mean all; lost at a restart",
        JOURNAL,
        "documented; 403 without an OAuth app's token, and all answers to errors chosen",
    ),
    "change_journal.list_subscriptions": Note("all of them, without pages", JOURNAL, "documented"),
    "change_journal.delete_subscription": Note("204", JOURNAL, "documented; 204 for an unknown id chosen"),
    "change_journal.read_earliest": Note("address and offset of the oldest file, or 204", JOURNAL, "documented"),
    "change_journal.read_latest": Note("address and offset of the newest file, or 204", JOURNAL, "documented"),
    "change_journal.read_next": Note(
        "address and offset of the next file, or 204; files stay three days",
        JOURNAL,
        "documented; 404 for an unknown offset chosen",
    ),
    "change_journal.read_file": Note(
        "up to 10,000 changes; a file ends when somebody reads; `propertyChanges` has new values by name; a merge has "
        "the new id and both old ids",
        JOURNAL,
        "documented; address, content of `propertyChanges` and ids of a merge chosen",
    ),
}


def operation_name(route: Route) -> str:
    """`module.function` of a route's handler."""
    return f"{route.handler.__module__.rpartition('.')[2]}.{route.handler.__name__}"


def operation_paths() -> dict[str, list[str]]:
    """Operation name (`module.function`) to the method and paths that reach it, dates written as `{date}`."""
    found: dict[str, list[str]] = {}
    for route in all_routes():
        name = operation_name(route)
        path = re.sub("|".join(DATES), "{date}", route.pattern)
        line = f"{route.method} {path}"
        if line not in found.setdefault(name, []):
            found[name].append(line)
    return found


def rows_by_operation() -> dict[str, list[Row]]:
    """The rows of the recorded-truth table by the operation that each calls."""
    found: dict[str, list[Row]] = {}
    for row in rows():
        match = standard_router().find(row.method, row.path.partition("?")[0])
        if match is not None:
            found.setdefault(operation_name(match.route), []).append(row)
    return found


def evidence(note: Note, known: list[Row]) -> str:
    """How sure an operation is: recorded before documented before chosen, with the count of recorded rows."""
    recorded = [row for row in known if row.source.is_recorded]
    sure = note.sure
    if recorded and "recorded" not in sure:
        sure = f"recorded, {sure}"
    if known:
        newest = max(row.source.date for row in recorded or known)
        sure += f" ({len(known)} rows, the newest of {newest})" if len(known) > 1 else f" (1 row of {newest})"
    return sure


def table() -> str:
    """The table of operations."""
    lines = ["| Operation | Behaviour | Source | Evidence |", "|---|---|---|---|"]
    by_operation = rows_by_operation()
    for name, paths in operation_paths().items():
        note = NOTES[name]
        shown = "<br>".join(f"`{path}`" for path in paths)
        sure = evidence(note, by_operation.get(name, []))
        lines.append(f"| {shown} | {note.behaviour} | {note.source} | {sure} |")
    return "\n".join(lines)


def recorded_sources() -> str:
    """The sources of the recorded-truth table with the count of rows of each."""
    counts = Counter(row.source for row in rows())
    lines = ["| source | date | kind | rows |", "|---|---|---|---|"]
    for source, count in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0].name)):
        kind = "recorded" if source.is_recorded else "documented"
        lines.append(f"| {source.name} | {source.date} | {kind} | {count} |")
    return "\n".join(lines)


def page_in_step(text: str) -> str:
    """The page with its generated tables replaced."""
    for start, end, generated in ((START, END, table()), (SOURCES_START, SOURCES_END, recorded_sources())):
        before, _, rest = text.partition(start)
        text = f"{before}{start}\n{generated}\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page_in_step(PAGE.read_text()))
    sys.exit(0)
