"""Carrying out a planned write, with what HubSpot does along with it: associations and the primary company."""

from __future__ import annotations

from hubwire.emulator.calls.crm.linking import make_new_associations
from hubwire.emulator.store.domains import associate_company_of_email, link_primary_company
from hubwire.emulator.store.objects.records import Record
from hubwire.emulator.store.objects.writes import Plan, WriteContext, apply_plan
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import invalid


def carry_out(portal: Portal, context: WriteContext, plan: Plan) -> Record:
    """Write one planned input and give its record."""
    store = context.store
    record = apply_plan(context, plan)
    if plan.associations:
        make_new_associations(portal, store, record, plan.associations)
    if store.name == "contacts":
        if "associatedcompanyid" in plan.values:
            _follow_property(portal, record, plan.values["associatedcompanyid"])
        if portal.config.creates_companies_from_emails and (email := plan.values.get("email")):
            has_none = plan.record is None and not plan.associations and "associatedcompanyid" not in plan.values
            associate_company_of_email(portal, record, email, has_none=has_none)
    return record


def check_primary_company(portal: Portal, plan: Plan) -> None:
    """Refuse an `associatedcompanyid` that names no company (chosen: no recorded answer is known)."""
    company_id = plan.values.get("associatedcompanyid")
    if company_id and portal.stores["companies"].by_id(company_id) is None:
        raise invalid(f"associatedcompanyid: company {company_id} does not exist")


def _follow_property(portal: Portal, contact: Record, company_id: str) -> None:
    company = portal.stores["companies"].by_id(company_id)
    if company is not None:
        link_primary_company(portal, contact, company.id)
        return
    before = portal.associations.primary_company(contact.id)
    if before is not None:
        primary = portal.associations.types_of("contacts", "companies")[1]
        portal.associations.unlink("contacts", contact.id, "companies", before, [primary.type_id])
