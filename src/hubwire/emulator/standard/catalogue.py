"""The properties of a fresh portal: contacts and companies.

Source: a published recording of `GET /crm/v3/schemas` (contacts, 2021-22) and a published property dump (companies),
checked against HubSpot's default-property pages. Not complete (a real portal has about 270 contact properties): these
are the ones a destination meets. Company `type` options are unsure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hubwire.emulator.standard.industries import industry_options
from hubwire.emulator.standard.kinds import BY_NAME
from hubwire.emulator.standard.properties import OWNED, TABLES

LIFECYCLE = (
    "subscriber=Subscriber; lead=Lead; marketingqualifiedlead=Marketing Qualified Lead; "
    "salesqualifiedlead=Sales Qualified Lead; opportunity=Opportunity; customer=Customer; evangelist=Evangelist; "
    "other=Other"
)
LEAD_STATUS = (
    "NEW=New; OPEN=Open; IN_PROGRESS=In Progress; OPEN_DEAL=Open Deal; UNQUALIFIED=Unqualified; "
    "ATTEMPTED_TO_CONTACT=Attempted to Contact; CONNECTED=Connected; BAD_TIMING=Bad Timing"
)
SOURCES = (
    "ORGANIC_SEARCH=Organic Search; PAID_SEARCH=Paid Search; EMAIL_MARKETING=Email Marketing; "
    "SOCIAL_MEDIA=Organic Social; REFERRALS=Referrals; OTHER_CAMPAIGNS=Other Campaigns; "
    "DIRECT_TRAFFIC=Direct Traffic; OFFLINE=Offline Sources; PAID_SOCIAL=Paid Social"
)
LANGUAGES = (
    "ar=Arabic; cs=Czech; da=Danish; de=German; en=English; en-gb=English - United Kingdom; "
    "en-us=English - United States; es=Spanish; fi=Finnish; fr=French; he=Hebrew; hi=Hindi; hu=Hungarian; "
    "id=Indonesian; it=Italian; ja=Japanese; ko=Korean; nl=Dutch; no=Norwegian; pl=Polish; pt=Portuguese; "
    "pt-br=Portuguese - Brazil; ro=Romanian; ru=Russian; sv=Swedish; th=Thai; tr=Turkish; uk=Ukrainian; "
    "vi=Vietnamese; zh=Chinese; zh-cn=Chinese - China; zh-tw=Chinese - Taiwan"
)
TIME_ZONES = (
    "america_slash_new_york=UTC -05:00 America New York; america_slash_chicago=UTC -06:00 America Chicago; "
    "america_slash_los_angeles=UTC -08:00 America Los Angeles; europe_slash_london=UTC +00:00 Europe London; "
    "europe_slash_amsterdam=UTC +01:00 Europe Amsterdam; europe_slash_berlin=UTC +01:00 Europe Berlin; "
    "asia_slash_tokyo=UTC +09:00 Asia Tokyo; australia_slash_sydney=UTC +10:00 Australia Sydney"
)
EMPLOYEES = "1-5=1-5; 5-25=5-25; 25-50=25-50; 50-100=50-100; 100-500=100-500; 500-1000=500-1000; 1000+=1000+"
BUYING_ROLES = (
    "BLOCKER=Blocker; BUDGET_HOLDER=Budget Holder; CHAMPION=Champion; DECISION_MAKER=Decision Maker; "
    "END_USER=End User; EXECUTIVE_SPONSOR=Executive Sponsor; INFLUENCER=Influencer; "
    "LEGAL_AND_COMPLIANCE=Legal & Compliance; OTHER=Other"
)
LEGAL_BASES = "; ".join(
    f"{basis}={basis}"
    for basis in (
        "Legitimate interest – prospect/lead",
        "Legitimate interest – existing customer",
        "Legitimate interest – other",
        "Performance of a contract",
        "Freely given consent from contact",
        "Not applicable",
    )
)
BOOLEAN = "true=True; false=False"

# name | label | type/fieldType | flags (ro read-only, ext options live elsewhere, uniq, noform, group:…) | options
CONTACTS = f"""
email|Email|string/text||
firstname|First Name|string/text||
lastname|Last Name|string/text||
phone|Phone Number|string/phonenumber||
mobilephone|Mobile Phone Number|string/phonenumber||
company|Company Name|string/text||
jobtitle|Job Title|string/text||
website|Website URL|string/text||
address|Street Address|string/text||
city|City|string/text||
state|State/Region|string/text||
zip|Postal Code|string/text||
country|Country/Region|string/text||
salutation|Salutation|string/text||
fax|Fax Number|string/text||
message|Message|string/textarea|group:contact_activity|
industry|Industry|string/text||
annualrevenue|Annual Revenue|string/text||
numemployees|Number of Employees|enumeration/select||{EMPLOYEES}
lifecyclestage|Lifecycle Stage|enumeration/radio||{LIFECYCLE}
hs_lead_status|Lead Status|enumeration/radio|group:sales_properties|{LEAD_STATUS}
hubspot_owner_id|Contact owner|enumeration/select|group:sales_properties ext noform|
hs_language|Preferred language|enumeration/select||{LANGUAGES}
hs_timezone|Time Zone|enumeration/select||{TIME_ZONES}
twitterhandle|Twitter Username|string/text||
date_of_birth|Date of birth|string/text|group:facebook_ads_properties|
gender|Gender|string/text|group:facebook_ads_properties|
hs_persona|Persona|enumeration/select||
createdate|Create Date|datetime/date|ro|
lastmodifieddate|Last Modified Date|datetime/date|ro|
hs_object_id|Record ID|number/number|ro|
hs_additional_emails|Additional email addresses|enumeration/checkbox|ext|
hs_email_domain|Email Domain|string/text|ro|
hs_email_optout|Unsubscribed from all email|bool/booleancheckbox|ro group:emailinformation|{BOOLEAN}
associatedcompanyid|Associated Company ID|number/number||
hs_analytics_source|Original Source|enumeration/select|group:analyticsinformation|{SOURCES}
hs_buying_role|Buying Role|enumeration/checkbox|group:deal_information|{BUYING_ROLES}
hs_legal_basis|Legal basis for processing contact's data|enumeration/checkbox|group:emailinformation|{LEGAL_BASES}
hs_marketable_status|Marketing contact status|enumeration/booleancheckbox|ro|{BOOLEAN}
hs_merged_object_ids|Merged object IDs|enumeration/checkbox|ro ext|
closedate|Close Date|datetime/date|group:deal_information|
total_revenue|Total Revenue|number/number|ro group:deal_information|
num_conversion_events|Number of Form Submissions|number/number|ro group:conversioninformation|
recent_conversion_date|Recent Conversion Date|datetime/date|ro group:conversioninformation|
recent_conversion_event_name|Recent Conversion|string/text|ro group:conversioninformation|
hs_all_contact_vids|All vids for a contact|enumeration/checkbox|ro ext|
hs_is_contact|Is a contact|bool/booleancheckbox|ro|{BOOLEAN}
hs_is_unworked|Contact unworked|bool/booleancheckbox|ro|{BOOLEAN}
hs_pipeline|Pipeline|enumeration/select|ext|
hs_object_source|Record source|enumeration/select|ro ext|
hs_object_source_id|Record source ID|string/text|ro|
hs_object_source_label|Record source label|enumeration/select|ro ext|
hs_lifecyclestage_lead_date|Became a Lead Date|datetime/date|ro|
hs_full_name_or_email|Full name or email|string/text|ro|
hs_registered_member|Registered member|number/number|ro|
num_notes|Number of Sales Activities|number/number|ro|
"""

COMPANIES = f"""
name|Company name|string/text||
domain|Company Domain Name|string/text||
website|Website URL|string/text||
phone|Phone Number|string/phonenumber||
address|Street Address|string/text||
address2|Street Address 2|string/text||
city|City|string/text||
state|State/Region|string/text||
zip|Postal Code|string/text||
country|Country/Region|string/text||
description|Description|string/textarea||
about_us|About Us|string/textarea||
industry|Industry|enumeration/select||@industry
annualrevenue|Annual Revenue|number/number||
numberofemployees|Number of Employees|number/number||
founded_year|Year Founded|string/text||
type|Type|enumeration/radio||PROSPECT=Prospect; PARTNER=Partner; RESELLER=Reseller; VENDOR=Vendor; OTHER=Other
lifecyclestage|Lifecycle Stage|enumeration/radio||{LIFECYCLE}
hs_lead_status|Lead Status|enumeration/radio||{LEAD_STATUS}
hubspot_owner_id|Company owner|enumeration/select|ext|
timezone|Time Zone|string/text||
is_public|Is Public|bool/booleancheckbox||{BOOLEAN}
total_money_raised|Total Money Raised|string/text||
web_technologies|Web Technologies|enumeration/checkbox|ext|
twitterhandle|Twitter Handle|string/text||
facebook_company_page|Facebook Company Page|string/text||
linkedin_company_page|LinkedIn Company Page|string/text||
linkedinbio|LinkedIn Bio|string/text||
hs_additional_domains|Additional Domains|enumeration/checkbox|ext|
hs_parent_company_id|Parent Company|number/number||
hs_num_child_companies|Number of child companies|number/number|ro|
num_associated_contacts|Number of Associated Contacts|number/number|ro|
num_associated_deals|Number of Associated Deals|number/number|ro|
hs_ideal_customer_profile|Ideal Customer Profile Tier|enumeration/radio||tier_1=Tier 1; tier_2=Tier 2; tier_3=Tier 3
closedate|Close Date|datetime/date||
createdate|Create Date|datetime/date|ro|
hs_lastmodifieddate|Last Modified Date|datetime/date|ro|
hs_object_id|Record ID|number/number|ro|
hs_merged_object_ids|Merged object IDs|enumeration/checkbox|ro ext|
hs_object_source|Record source|enumeration/select|ro ext|
hs_object_source_id|Record source ID|string/text|ro|
hs_object_source_label|Record source label|enumeration/select|ro ext|
hs_unique_creation_key|Unique creation key|string/text|ro uniq|
"""

CUSTOM = """
hs_createdate|Create Date|datetime/date|ro|
hs_lastmodifieddate|Last Modified Date|datetime/date|ro|
hs_object_id|Record ID|number/number|ro|
hs_merged_object_ids|Merged object IDs|enumeration/checkbox|ro ext|
hs_object_source|Record source|enumeration/select|ro ext|
hs_object_source_id|Record source ID|string/text|ro|
hs_object_source_label|Record source label|enumeration/select|ro ext|
hubspot_owner_id|Owner|enumeration/select|ext|
"""

GROUPS: dict[str, dict[str, str]] = {
    "contacts": {
        "contactinformation": "Contact information",
        "contact_activity": "Contact activity",
        "sales_properties": "Sales properties",
        "emailinformation": "Email information",
        "analyticsinformation": "Web analytics history",
        "conversioninformation": "Conversion information",
        "deal_information": "Deal information",
        "facebook_ads_properties": "Facebook ads properties",
        "socialmediainformation": "Social media information",
    },
    "companies": {
        "companyinformation": "Company information",
        "company_activity": "Company activity",
        "socialmediainformation": "Social media information",
        "analyticsinformation": "Analytics information",
    },
}
_TABLES = {"contacts": CONTACTS, "companies": COMPANIES}
_CREATED = "hs_createdate|"


def default_groups(object_name: str) -> dict[str, str]:
    """Group name to label, the default group first."""
    if object_name in GROUPS:
        return GROUPS[object_name]
    if object_name not in TABLES:
        return {f"{object_name}_information": f"{object_name.title()} information"}
    word = BY_NAME[object_name].word
    title = word.replace("_", " ").capitalize()
    return {f"{word.replace('_', '')}information": f"{title} information"}


def default_properties(object_name: str) -> Iterator[dict[str, Any]]:
    """Property definitions of a fresh portal, as keyword values for `schema.Property`."""
    default_group = next(iter(default_groups(object_name)))
    for order, line in enumerate(_table(object_name)):
        name, label, kinds, flags_text, options_text = line.split("|")
        flags = flags_text.split()
        value_type, _, field_type = kinds.partition("/")
        group = next((flag.removeprefix("group:") for flag in flags if flag.startswith("group:")), default_group)
        yield {
            "name": name,
            "label": label,
            "type": value_type,
            "field_type": field_type,
            "group_name": group,
            "display_order": order,
            "options": _options(options_text),
            "external_options": "ext" in flags,
            "has_unique_value": "uniq" in flags,
            "form_field": not {"ro", "noform"} & set(flags),
            "is_read_only": "ro" in flags,
        }


def _table(object_name: str) -> list[str]:
    text = _TABLES.get(object_name)
    if text is None:
        common = CUSTOM
        if object_name in TABLES:
            common = "\n".join((TABLES[object_name], OWNED, CUSTOM.replace(_CREATED, _created(object_name))))
        text = common
    lines = [line for line in text.splitlines() if line]
    return list({line.partition("|")[0]: line for line in reversed(lines)}.values())[::-1]


def _created(object_name: str) -> str:
    return f"{BY_NAME[object_name].created}|"


def _options(text: str) -> list[tuple[str, str]]:
    if text == "@industry":
        return industry_options()
    pairs = (pair.partition("=") for pair in text.split("; ") if pair)
    return [(value, label) for value, _, label in pairs]
