"""Reads tables of people and companies of no particular system, and the columns that all such tables share. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from hubwire.backfill.records import Call
from hubwire.backfill.systems.shapes import Message, Shape

EMAIL: Final = "traits.email"
EMAILS: Final = dict.fromkeys(
    (
        "email",
        "emailaddress",
        "primaryemail",
        "email1value",
        "email1address",
        "workemail",
        "businessemail",
        "useremail",
        "customeremail",
        "contactemail",
        "emailbilling",
        "billingemail",
        "mail",
    ),
    EMAIL,
)
"""Columns that hold a person's e-mail, the better one first."""
PERSON: Final = {
    "userid": "userId",
    "anonymousid": "anonymousId",
    "messageid": "messageId",
    "timestamp": "timestamp",
    "updatedat": "timestamp",
    "modifiedat": "timestamp",
    "lastmodified": "timestamp",
    "lastmodifieddate": "timestamp",
    **dict.fromkeys(
        (
            *(
                "lastmodifiedat",
                "lastmodifiedtime",
                "lastedited",
                "lasteditedtime",
                "modified",
                "modifiedon",
                "modifiedtime",
                "modifieddate",
            ),
            *("lastupdated", "lastupdatedat", "lastupdate", "updated", "updatedon", "updatedtime", "dateupdated"),
            *("lastchanged", "changedat", "datemodified"),
        ),
        "timestamp",
    ),
    **EMAILS,
    "name": "traits.name",
    "fullname": "traits.name",
    "phonenumber": "traits.phone",
    "mobilephonenumber": "traits.mobilephone",
    "companyname": "traits.company",
    "websiteurl": "traits.website",
    "streetaddress": "traits.address.street",
    "stateregion": "traits.state",
    "countryregion": "traits.country",
}
NAMES_A_PERSON: Final = frozenset(["userid", "anonymousid", *EMAILS])
NOT_PEOPLE: Final = {
    "event": "events",
    "eventname": "events",
    "eventtype": "events",
    "eventtext": "events",
    "eventid": "events",
    "eventtime": "events",
    "eventtimestamp": "events",
    "occurredat": "events",
    "pageurl": "pages",
    "pagetitle": "pages",
    "pagepath": "pages",
    "amount": "payments",
    "amountdue": "invoices",
    "orderid": "orders",
    "ordernumber": "orders",
    "lineitemname": "orders",
    "lineitemquantity": "orders",
    "invoiceid": "invoices",
    "invoicenumber": "invoices",
    "dealname": "deals",
    "dealstage": "deals",
    "ticketid": "tickets",
    "ticketname": "tickets",
    "groupid": "groups",
    "previousid": "aliases",
    "productid": "orders",
    "sku": "orders",
}
"""Columns that show that a table does not contain people, and what it contains instead."""
_OF_A_COMPANY: Final = frozenset(
    ["domain", "companydomainname", "accountname", "industry", "employees", "numberofemployees", "annualrevenue"]
)
_NAMES_A_COMPANY: Final = frozenset(["name", "accountname"])
_OF_A_PERSON: Final = frozenset(
    [
        *("firstname", "lastname", "fullname", "givenname", "familyname", "surname", "jobtitle", "contactname"),
        *("company", "companyname", "userid", "anonymousid"),
    ]
)
"""With a column for the company, `name` is a person's."""


def may_be_companies(columns: Collection[str]) -> bool:
    """Whether a table with these compressed columns and an e-mail can be one of companies: whose name is `name`?"""
    found = set(columns)
    return bool(found & _OF_A_COMPANY and found & _NAMES_A_COMPANY) and not found & _OF_A_PERSON


WHICH_ID: Final = "it may not be the user id: if it is, add --map id=userId"


def identified(message: Message) -> None:
    """Make the e-mail the userId if there is neither a userId nor an anonymousId."""
    if "userId" in message or "anonymousId" in message:
        return
    email = given_email(message)
    if email is not None:
        message["userId"] = email


def given_email(message: Mapping[str, Any]) -> str | None:
    """The e-mail in the traits, the properties or the context's traits."""
    context = message.get("context")
    for traits in (
        message.get("traits"),
        context.get("traits") if isinstance(context, dict) else None,
        message.get("properties"),
    ):
        if isinstance(traits, dict):
            email = next((value for name, value in traits.items() if name.lower() == "email"), None)
            if isinstance(email, str) and "@" in email:
                return email
    return None


def of_company(message: Message) -> None:
    """Complete a group call of a company without a person.

    Shape: the groupId is the record's id, else its domain; the anonymousId is made of it and belongs to nobody.
    """
    traits = message.get("traits", {})
    group_id = message.get("groupId") or traits.get("website") or traits.get("domain")
    if group_id is not None:
        message["groupId"] = str(group_id)
        if "userId" not in message and "anonymousId" not in message:
            message["anonymousId"] = f"company:{group_id}"


COMPANY_NOTE: Final = (
    "These companies have no person. They arrive only at destinations with companies_need_contact = false,"
    " and only if they have a website or a domain."
)
TIME_NOTE: Final = "No column has a time. Hubwire uses the time of the import, so these values replace older ones."
GENERIC: Final = {
    Call.IDENTIFIES: Shape("a table of people", Call.IDENTIFIES, PERSON, left_out={"id": WHICH_ID}, finish=identified),
    Call.TRACKS: Shape(
        "a table of events",
        Call.TRACKS,
        {
            "userid": "userId",
            "anonymousid": "anonymousId",
            "messageid": "messageId",
            "eventid": "messageId",
            "timestamp": "timestamp",
            "eventtime": "timestamp",
            "eventtimestamp": "timestamp",
            "occurredat": "timestamp",
            "createdat": "timestamp",
            "time": "timestamp",
            "date": "timestamp",
            "eventtext": "event",
            "eventname": "event",
            "event": "event",
            "eventtype": "event",
            **dict.fromkeys(EMAILS, "context.traits.email"),
        },
        rest="properties",
        finish=identified,
    ),
    Call.GROUPS: Shape(
        "a table of companies",
        Call.GROUPS,
        {
            "groupid": "groupId",
            "companyid": "groupId",
            "accountid": "groupId",
            "id": "groupId",
            "userid": "userId",
            "anonymousid": "anonymousId",
            "timestamp": "timestamp",
            "updatedat": "timestamp",
            "receivedat": "timestamp",
            "companyname": "traits.name",
            "companydomainname": "traits.domain",
            "websiteurl": "traits.website",
        },
        finish=of_company,
    ),
    Call.PAGES: Shape(
        "a table of pages",
        Call.PAGES,
        {"id": "messageId", "userid": "userId", "anonymousid": "anonymousId", "timestamp": "timestamp", "name": "name"},
        rest="properties",
        finish=identified,
    ),
    Call.SCREENS: Shape(
        "a table of screens",
        Call.SCREENS,
        {"id": "messageId", "userid": "userId", "anonymousid": "anonymousId", "timestamp": "timestamp", "name": "name"},
        rest="properties",
        finish=identified,
    ),
    Call.ALIASES: Shape(
        "a table of aliases",
        Call.ALIASES,
        {"id": "messageId", "previousid": "previousId", "userid": "userId", "timestamp": "timestamp"},
        rest=None,
    ),
}
"""The shape of an unrecognised table with `--as`."""
