"""Exports of people and companies that one row each describes: CRMs, mailing lists, shops, address books. Pure.

A `Known` is recognised by columns that only this export has. Where an export tells when a row was changed, that is its
time; where it tells only when a person was added, that is: such a row never wins over a newer value.
Sources: headers in importers' public test files, HubSpot's and Mailchimp's help pages; each is named in
docs/how-to/backfill/systems.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from hubwire.backfill.records import Call, Sample
from hubwire.backfill.systems.cells import compressed
from hubwire.backfill.systems.people import COMPANY_NOTE, EMAIL, PERSON, identified, of_company
from hubwire.backfill.systems.shapes import BOOKKEEPING, Shape

_OWN_FIELD: Final = "HubSpot fills it itself"
_OWNER: Final = "the name of an owner: HubSpot wants the owner's id"
_CARD: Final = "data of a payment card"


@dataclass(frozen=True, slots=True)
class Known:
    """An export and what tells it: all of `needs`, one of `any_of` (when given), and none of `unless`."""

    shape: Shape
    needs: frozenset[str]
    any_of: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()

    def fits(self, columns: set[str]) -> bool:
        """Whether these compressed columns are of this export."""
        return self.needs <= columns and (not self.any_of or bool(self.any_of & columns)) and not self.unless & columns


def _people(title: str, fields: Mapping[str, str], left_out: Mapping[str, str], **more: Any) -> Shape:
    merged = {**fields, **{key: target for key, target in PERSON.items() if key not in fields and key not in left_out}}
    return Shape(title, Call.IDENTIFIES, merged, left_out, finish=more.pop("finish", identified), **more)


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _all(text: str, why: str) -> dict[str, str]:
    return dict.fromkeys(text.split(), why)


# -- HubSpot

_HUBSPOT_FIELDS: Final = {
    "lastmodifieddate": "timestamp",
    "hslastmodifieddate": "timestamp",
    "createdate": "timestamp",
    "phonenumber": "traits.phone",
    "mobilephonenumber": "traits.mobilephone",
    "companyname": "traits.company",
    "websiteurl": "traits.website",
    "streetaddress": "traits.address",
    "stateregion": "traits.state",
    "postalcode": "traits.zip",
    "countryregion": "traits.country",
    "leadstatus": "traits.hs_lead_status",
    "faxnumber": "traits.fax",
    "numberofemployees": "traits.numemployees",
    "twitterusername": "traits.twitterhandle",
    "preferredlanguage": "traits.hs_language",
    "buyingrole": "traits.hs_buying_role",
}
_HUBSPOT_LEFT_OUT: Final = {
    **_all(
        """recordid hsobjectid contactid companyid lastactivitydate lastcontacted nextactivitydate hubspotscore
        likelihoodtoclose contactpriority totalrevenue recentdealamount firstdealcreateddate marketingcontactstatus
        membershipnotes""",
        _OWN_FIELD,
    ),
    **_all("contactowner companyowner hubspotowner hubspotownerid hubspotteam createdbyuserid updatedbyuserid", _OWNER),
}
_HUBSPOT_PREFIXES: Final = {
    "associated": "a link to another record",
    "originalsource": _OWN_FIELD,
    "latestsource": _OWN_FIELD,
    "originaltraffic": _OWN_FIELD,
    "latesttraffic": _OWN_FIELD,
    "recent": _OWN_FIELD,
    "numberof": _OWN_FIELD,
    "numassociated": _OWN_FIELD,
    "became": _OWN_FIELD,
    "timeof": _OWN_FIELD,
    "timefirst": _OWN_FIELD,
    "timelast": _OWN_FIELD,
    "firstpage": _OWN_FIELD,
    "lastpage": _OWN_FIELD,
    "firstconversion": _OWN_FIELD,
    "ip": _OWN_FIELD,
    "hsanalytics": _OWN_FIELD,
    "hsemail": _OWN_FIELD,
}
_HUBSPOT_TIME: Final = "HubSpot writes times in the time zone of the portal: they are read as UTC."
HUBSPOT_CONTACTS: Final = _people(
    "HubSpot's export of contacts",
    _HUBSPOT_FIELDS,
    _HUBSPOT_LEFT_OUT,
    prefixes=_HUBSPOT_PREFIXES,
    notes=(_HUBSPOT_TIME,),
)
HUBSPOT_COMPANIES: Final = Shape(
    "HubSpot's export of companies",
    Call.GROUPS,
    {
        "recordid": "groupId",
        "hsobjectid": "groupId",
        "companyname": "traits.name",
        "name": "traits.name",
        "companydomainname": "traits.domain",
        "domain": "traits.domain",
        **{key: target for key, target in _HUBSPOT_FIELDS.items() if key != "companyname"},
        "numberofemployees": "traits.numberofemployees",
        "yearfounded": "traits.founded_year",
        "linkedincompanypage": "traits.linkedin_company_page",
        "facebookcompanypage": "traits.facebook_company_page",
    },
    {key: why for key, why in _HUBSPOT_LEFT_OUT.items() if key not in ("recordid", "hsobjectid")},
    _HUBSPOT_PREFIXES,
    notes=(COMPANY_NOTE, _HUBSPOT_TIME),
    finish=of_company,
)

# -- CRMs and mailing lists

_SALESFORCE_LEFT_OUT: Final = _all(
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
SALESFORCE_CONTACTS: Final = _people(
    "Salesforce's contacts or leads",
    _SALESFORCE_FIELDS,
    _SALESFORCE_LEFT_OUT,
    prefixes={"other": "a second address", "mailing": "a part of the address that HubSpot does not have"},
    passed_over=lambda row: _deleted(row),
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
    passed_over=lambda row: _deleted(row),
    finish=of_company,
)
MAILCHIMP: Final = _people(
    "Mailchimp's audience",
    {"lastchanged": "timestamp", "confirmtime": "timestamp", "optintime": "timestamp"},
    _all("memberrating optinip confirmip latitude longitude gmtoff dstoff timezone cc leid euid", BOOKKEEPING),
    notes=("Whether somebody has subscribed or unsubscribed is not brought: HubSpot keeps that by subscription type.",),
)
INTERCOM: Final = _people(
    "Intercom's users",
    {"userid": "userId", "lastseen": "timestamp", "updatedat": "timestamp", "signedup": "timestamp"},
    {
        **_all("id intercomid sessions websessions emailbounced unsubscribedfromemails tag tags segment", BOOKKEEPING),
        **_all("firstseen lastcontacted lastheardfrom lastopenedemail lastclickedonlinkinemail", BOOKKEEPING),
    },
    prefixes={"browser": BOOKKEEPING, "os": BOOKKEEPING, "utm": BOOKKEEPING},
)
CUSTOMERIO_PEOPLE: Final = _people(
    "Customer.io's people",
    {"id": "userId", "customerid": "userId", "emailaddr": EMAIL, "updatedat": "timestamp", "createdat": "timestamp"},
    _all(
        "cioid internalcustomerid workspaceid deleted suppressed ciosubscriptionpreferences unsubscribed", BOOKKEEPING
    ),
    passed_over=lambda row: _deleted(row),
)

# -- shops and payments

STRIPE: Final = _people(
    "Stripe's customers",
    {
        "useridmetadata": "userId",
        "userid": "userId",
        "createdutc": "timestamp",
        "created": "timestamp",
        "id": "traits.stripe_customer_id",
        "cardaddressline1": "traits.address.street",
        "cardaddresscity": "traits.address.city",
        "cardaddressstate": "traits.address.state",
        "cardaddresszip": "traits.address.postalCode",
        "cardaddresscountry": "traits.address.country",
    },
    _all("delinquent defaultsource currency businessvatid taxexempt accountbalance", BOOKKEEPING),
    prefixes={"card": _CARD, "shipping": "a second address", "payment": _CARD},
)
SHOPIFY_CUSTOMERS: Final = _people(
    "Shopify's customers",
    {
        "customerid": "traits.shopify_customer_id",
        "defaultaddresscompany": "traits.company",
        "defaultaddressaddress1": "traits.address.street",
        "defaultaddresscity": "traits.address.city",
        "defaultaddressprovincecode": "traits.address.state",
        "defaultaddresszip": "traits.address.postalCode",
        "defaultaddresscountrycode": "traits.address.country",
        "company": "traits.company",
        "address1": "traits.address.street",
        "city": "traits.address.city",
        "province": "traits.address.state",
        "zip": "traits.address.postalCode",
        "country": "traits.address.country",
        "defaultaddressphone": "traits.phone",
    },
    _all("address2 provincecode countrycode taxexempt acceptsmarketing acceptssmsmarketing note", BOOKKEEPING),
    prefixes={"defaultaddress": "a part of the address that HubSpot does not have", "accepts": BOOKKEEPING},
)
WOOCOMMERCE_CUSTOMERS: Final = _people(
    "WooCommerce's customers",
    {
        "lastactive": "timestamp",
        "lastupdate": "timestamp",
        "dateregistered": "timestamp",
        "signup": "timestamp",
        "region": "traits.address.state",
        "city": "traits.address.city",
        "postalcode": "traits.address.postalCode",
        "countryregion": "traits.address.country",
    },
    _all("username userpass usernicename", BOOKKEEPING),
    prefixes={"shipping": "a second address"},
)

# -- address books

GOOGLE: Final = _people(
    "Google's contacts",
    {
        "email1value": EMAIL,
        "givenname": "traits.firstName",
        "familyname": "traits.lastName",
        "phone1value": "traits.phone",
        "organizationname": "traits.company",
        "organization1name": "traits.company",
        "organizationtitle": "traits.jobtitle",
        "organization1title": "traits.jobtitle",
        "website1value": "traits.website",
        "address1street": "traits.address.street",
        "address1city": "traits.address.city",
        "address1region": "traits.address.state",
        "address1postalcode": "traits.address.postalCode",
        "address1country": "traits.address.country",
        "firstname": "traits.firstName",
        "lastname": "traits.lastName",
    },
    _all("photo labels groupmembership notes fileas name", "a note of the address book"),
    prefixes=dict.fromkeys(
        [
            "email",
            "phone",
            "address",
            "website",
            "relation",
            "event",
            "custom",
            "organization",
            "phonetic",
            "yomi",
            "name",
        ],
        "a second value, or its label",
    ),
)
OUTLOOK: Final = _people(
    "Outlook's contacts",
    {
        "emailaddress": EMAIL,
        "businessphone": "traits.phone",
        "primaryphone": "traits.phone",
        "mobilephone": "traits.mobilephone",
        "businessfax": "traits.fax",
        "webpage": "traits.website",
        "jobtitle": "traits.jobtitle",
        "businessstreet": "traits.address.street",
        "businesscity": "traits.address.city",
        "businessstate": "traits.address.state",
        "businesspostalcode": "traits.address.postalCode",
        "businesscountryregion": "traits.address.country",
        "homestreet": "traits.address.street",
        "homecity": "traits.address.city",
        "homestate": "traits.address.state",
        "homepostalcode": "traits.address.postalCode",
        "homecountryregion": "traits.address.country",
    },
    _all("notes categories anniversary birthday priority private sensitivity spouse children hobby", "a private note"),
    prefixes=dict.fromkeys(
        [
            "email",
            "business",
            "home",
            "other",
            "personal",
            "assistant",
            "managers",
            "account",
            "pager",
            "radio",
            "tty",
            "telex",
            "isdn",
        ],
        "a second value, or a private one",
    ),
)
LINKEDIN: Final = _people(
    "LinkedIn's connections",
    {"connectedon": "timestamp", "position": "traits.jobtitle", "url": "traits.linkedin_url"},
    {},
)

KNOWN: Final = (
    Known(HUBSPOT_COMPANIES, _set("recordid"), _set("companydomainname companyname"), _set("firstname lastname email")),
    Known(HUBSPOT_COMPANIES, _set("hsobjectid domain"), unless=_set("email")),
    Known(HUBSPOT_CONTACTS, _set("recordid"), _set("email firstname lastname")),
    Known(HUBSPOT_CONTACTS, _set("hsobjectid email")),
    Known(SALESFORCE_CONTACTS, _set("id email lastmodifieddate"), _set("systemmodstamp accountid ownerid")),
    Known(SALESFORCE_CONTACTS, _set("email accountname"), _set("mailingcity mailingstreet title")),
    Known(SALESFORCE_ACCOUNTS, _set("id name"), _set("billingcity billingstreet numberofemployees"), _set("email")),
    Known(MAILCHIMP, _set("emailaddress memberrating")),
    Known(MAILCHIMP, _set("emailaddress leid")),
    Known(INTERCOM, _set("email"), _set("intercomid websessions lastheardfrom lastseen")),
    Known(CUSTOMERIO_PEOPLE, _set("cioid")),
    Known(CUSTOMERIO_PEOPLE, _set("internalcustomerid customerid")),
    Known(STRIPE, _set("id email delinquent")),
    Known(STRIPE, _set("id email createdutc")),
    Known(SHOPIFY_CUSTOMERS, _set("email"), _set("acceptsemailmarketing acceptsmarketing"), _set("lineitemname")),
    Known(WOOCOMMERCE_CUSTOMERS, _set("email username"), _set("totalspend dateregistered aov")),
    Known(GOOGLE, _set("email1value")),
    Known(OUTLOOK, _set("emailaddress businessphone")),
    Known(LINKEDIN, _set("emailaddress connectedon")),
)


def known_shape(sample: Sample) -> Shape | None:
    """The shape of an export that is known by its columns; None for any other table."""
    columns = {compressed(column) for column in sample.columns}
    shape = next((known.shape for known in KNOWN if known.fits(columns)), None)
    if shape is HUBSPOT_CONTACTS:
        return _with_labels(shape, sample.options.contact_labels)
    return _with_labels(shape, sample.options.company_labels) if shape is HUBSPOT_COMPANIES else shape


def _with_labels(shape: Shape, labels: Mapping[str, str]) -> Shape:
    """The portal's own labels go behind what is known of them."""
    own = {compressed(label): f"traits.{name}" for label, name in labels.items()}
    return replace(
        shape,
        fields={
            **shape.fields,
            **{key: target for key, target in own.items() if key not in shape.fields and key not in shape.left_out},
        },
    )


def _deleted(row: Mapping[str, Any]) -> str | None:
    for name, value in row.items():
        if compressed(name) in ("isdeleted", "deleted", "suppressed") and str(value).lower() in ("true", "1"):
            return "deleted there"
    return None
