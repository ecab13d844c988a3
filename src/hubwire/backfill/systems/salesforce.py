"""Salesforce's contacts, leads and accounts: Data Loader exports and reports. Pure.

Source: headers of okikio/utils, packages/csv/fixtures.
"""

from __future__ import annotations

from typing import Final

from hubwire.backfill.records import Call
from hubwire.backfill.systems.known import Known, all_of, deleted, people_shape, words
from hubwire.backfill.systems.people import COMPANY_NOTE, of_company
from hubwire.backfill.systems.shapes import BOOKKEEPING, Shape

_SALESFORCE_LEFT_OUT: Final = all_of(
    """id isdeleted masterrecordid accountid ownerid createdbyid lastmodifiedbyid recordtypeid reportstoid
    lastreferenceddate lastvieweddate lastactivitydate photourl jigsaw jigsawcontactid cleanstatus individualid
    ispriorityrecord systemmodstamp isemailbounced emailbouncedreason emailbounceddate""",
    BOOKKEEPING,
)
_SALESFORCE_FIELDS: Final = {
    "lastmodifieddate": "timestamp",
    "createddate": "timestamp",
    "mailingstreet": "traits.address.street",
    "mailingcity": "traits.address.city",
    "mailingstate": "traits.address.state",
    "mailingstateprovince": "traits.address.state",
    "mailingpostalcode": "traits.address.postalCode",
    "mailingzippostalcode": "traits.address.postalCode",
    "mailingcountry": "traits.address.country",
    "accountname": "traits.company",
    "title": "traits.jobtitle",
    "leadsource": "traits.leadsource",
}
SALESFORCE_CONTACTS: Final = people_shape(
    "Salesforce's contacts or leads",
    _SALESFORCE_FIELDS,
    _SALESFORCE_LEFT_OUT,
    prefixes={"other": "a second address", "mailing": "a part of the address that HubSpot does not have"},
    passed_over=deleted,
)
SALESFORCE_ACCOUNTS: Final = Shape(
    "Salesforce's accounts",
    Call.GROUPS,
    {
        "id": "groupId",
        "accountid": "groupId",
        "lastmodifieddate": "timestamp",
        "createddate": "timestamp",
        "accountname": "traits.name",
        "billingstreet": "traits.address",
        "billingcity": "traits.city",
        "billingstate": "traits.state",
        "billingpostalcode": "traits.zip",
        "billingcountry": "traits.country",
    },
    {key: why for key, why in _SALESFORCE_LEFT_OUT.items() if key not in ("id", "accountid")},
    {"shipping": "a second address", "billing": "a part of the address that HubSpot does not have"},
    notes=(COMPANY_NOTE,),
    passed_over=deleted,
    finish=of_company,
)
KNOWN: Final = (
    Known(SALESFORCE_CONTACTS, words("id email lastmodifieddate"), words("systemmodstamp accountid ownerid")),
    Known(SALESFORCE_CONTACTS, words("email accountname"), words("mailingcity mailingstreet title")),
    Known(SALESFORCE_ACCOUNTS, words("id name"), words("billingcity billingstreet numberofemployees"), words("email")),
)
