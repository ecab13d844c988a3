"""HubSpot's own exports of contacts and companies, by label or by internal name. Pure.

The portal's labels, which are read from HubSpot, rank after those that every portal has.
Sources: headers of okikio/utils, packages/csv/fixtures (official and representative samples); knowledge.hubspot.com,
"Export your records".
"""

from __future__ import annotations

from typing import Final

from hubwire.backfill.records import Call
from hubwire.backfill.systems.known import Known, all_of, people_shape, words
from hubwire.backfill.systems.people import COMPANY_NOTE, of_company
from hubwire.backfill.systems.shapes import Shape

_OWN_FIELD: Final = "HubSpot fills it itself"
_OWNER: Final = "the name of an owner: HubSpot needs the owner's id"

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
    **all_of(
        """recordid hsobjectid contactid companyid lastactivitydate lastcontacted nextactivitydate hubspotscore
        likelihoodtoclose contactpriority totalrevenue recentdealamount firstdealcreateddate marketingcontactstatus
        membershipnotes""",
        _OWN_FIELD,
    ),
    **all_of(
        "contactowner companyowner hubspotowner hubspotownerid hubspotteam createdbyuserid updatedbyuserid", _OWNER
    ),
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
_HUBSPOT_TIME: Final = "The times in the export have no zone. Hubwire reads them as UTC."
HUBSPOT_CONTACTS: Final = people_shape(
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
_OTHER_RECORDS: Final = words("dealname dealstage ticketname ticketstatus")
_OF_ZOHO: Final = words("modifiedtime createdtime")
"""Zoho's exports have a `Record Id` too."""
KNOWN: Final = (
    Known(
        HUBSPOT_COMPANIES, words("recordid"), words("companydomainname companyname"), words("firstname lastname email")
    ),
    Known(HUBSPOT_COMPANIES, words("recordid companyname companydomainname"), unless=words("firstname lastname")),
    Known(HUBSPOT_COMPANIES, words("hsobjectid domain"), unless=words("email")),
    Known(HUBSPOT_CONTACTS, words("recordid"), words("email firstname lastname"), _OTHER_RECORDS | _OF_ZOHO),
    Known(HUBSPOT_CONTACTS, words("hsobjectid email")),
)
