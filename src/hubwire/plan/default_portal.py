"""HubSpot's own properties in every new portal, for dry runs without a portal.

Source: HubSpot default contact and company properties (property lists of the knowledge base; recorded schemas).
Options that differ from portal to portal (owners, personas, languages, time zones) are free here.
"""

from __future__ import annotations

from hubwire.schema import PortalSchema, PropertyDefinition

_LIFECYCLE = {
    "subscriber": "Subscriber",
    "lead": "Lead",
    "marketingqualifiedlead": "Marketing Qualified Lead",
    "salesqualifiedlead": "Sales Qualified Lead",
    "opportunity": "Opportunity",
    "customer": "Customer",
    "evangelist": "Evangelist",
    "other": "Other",
}
_LEAD_STATUS = {
    "NEW": "New",
    "OPEN": "Open",
    "IN_PROGRESS": "In Progress",
    "OPEN_DEAL": "Open Deal",
    "UNQUALIFIED": "Unqualified",
    "ATTEMPTED_TO_CONTACT": "Attempted to Contact",
    "CONNECTED": "Connected",
    "BAD_TIMING": "Bad Timing",
}
_BUYING_ROLES = (
    "BLOCKER BUDGET_HOLDER CHAMPION DECISION_MAKER END_USER EXECUTIVE_SPONSOR INFLUENCER LEGAL_AND_COMPLIANCE OTHER"
)
_EMPLOYEE_RANGES = "1-5 5-25 25-50 50-100 100-500 500-1000 1000+"

_CONTACT_TEXTS = """email firstname lastname company jobtitle website address city state zip country salutation fax
message industry annualrevenue twitterhandle date_of_birth gender"""
_COMPANY_TEXTS = """name domain website address address2 city state zip country description about_us founded_year
timezone total_money_raised twitterhandle facebook_company_page linkedin_company_page linkedinbio"""

INDUSTRIES = """ACCOUNTING AIRLINES_AVIATION ALTERNATIVE_DISPUTE_RESOLUTION ALTERNATIVE_MEDICINE ANIMATION
APPAREL_FASHION ARCHITECTURE_PLANNING ARTS_AND_CRAFTS AUTOMOTIVE AVIATION_AEROSPACE BANKING BIOTECHNOLOGY
BROADCAST_MEDIA BUILDING_MATERIALS BUSINESS_SUPPLIES_AND_EQUIPMENT CAPITAL_MARKETS CHEMICALS
CIVIC_SOCIAL_ORGANIZATION CIVIL_ENGINEERING COMMERCIAL_REAL_ESTATE COMPUTER_NETWORK_SECURITY COMPUTER_GAMES
COMPUTER_HARDWARE COMPUTER_NETWORKING COMPUTER_SOFTWARE INTERNET CONSTRUCTION CONSUMER_ELECTRONICS CONSUMER_GOODS
CONSUMER_SERVICES COSMETICS DAIRY DEFENSE_SPACE DESIGN EDUCATION_MANAGEMENT E_LEARNING
ELECTRICAL_ELECTRONIC_MANUFACTURING ENTERTAINMENT ENVIRONMENTAL_SERVICES EVENTS_SERVICES EXECUTIVE_OFFICE
FACILITIES_SERVICES FARMING FINANCIAL_SERVICES FINE_ART FISHERY FOOD_BEVERAGES FOOD_PRODUCTION FUND_RAISING FURNITURE
GAMBLING_CASINOS GLASS_CERAMICS_CONCRETE GOVERNMENT_ADMINISTRATION GOVERNMENT_RELATIONS GRAPHIC_DESIGN
HEALTH_WELLNESS_AND_FITNESS HIGHER_EDUCATION HOSPITAL_HEALTH_CARE HOSPITALITY HUMAN_RESOURCES IMPORT_AND_EXPORT
INDIVIDUAL_FAMILY_SERVICES INDUSTRIAL_AUTOMATION INFORMATION_SERVICES INFORMATION_TECHNOLOGY_AND_SERVICES INSURANCE
INTERNATIONAL_AFFAIRS INTERNATIONAL_TRADE_AND_DEVELOPMENT INVESTMENT_BANKING INVESTMENT_MANAGEMENT JUDICIARY
LAW_ENFORCEMENT LAW_PRACTICE LEGAL_SERVICES LEGISLATIVE_OFFICE LEISURE_TRAVEL_TOURISM LIBRARIES
LOGISTICS_AND_SUPPLY_CHAIN LUXURY_GOODS_JEWELRY MACHINERY MANAGEMENT_CONSULTING MARITIME MARKET_RESEARCH
MARKETING_AND_ADVERTISING MECHANICAL_OR_INDUSTRIAL_ENGINEERING MEDIA_PRODUCTION MEDICAL_DEVICES MEDICAL_PRACTICE
MENTAL_HEALTH_CARE MILITARY MINING_METALS MOTION_PICTURES_AND_FILM MUSEUMS_AND_INSTITUTIONS MUSIC NANOTECHNOLOGY
NEWSPAPERS NON_PROFIT_ORGANIZATION_MANAGEMENT OIL_ENERGY ONLINE_MEDIA OUTSOURCING_OFFSHORING PACKAGE_FREIGHT_DELIVERY
PACKAGING_AND_CONTAINERS PAPER_FOREST_PRODUCTS PERFORMING_ARTS PHARMACEUTICALS PHILANTHROPY PHOTOGRAPHY PLASTICS
POLITICAL_ORGANIZATION PRIMARY_SECONDARY_EDUCATION PRINTING PROFESSIONAL_TRAINING_COACHING PROGRAM_DEVELOPMENT
PUBLIC_POLICY PUBLIC_RELATIONS_AND_COMMUNICATIONS PUBLIC_SAFETY PUBLISHING RAILROAD_MANUFACTURE RANCHING REAL_ESTATE
RECREATIONAL_FACILITIES_AND_SERVICES RELIGIOUS_INSTITUTIONS RENEWABLES_ENVIRONMENT RESEARCH RESTAURANTS RETAIL
SECURITY_AND_INVESTIGATIONS SEMICONDUCTORS SHIPBUILDING SPORTING_GOODS SPORTS STAFFING_AND_RECRUITING SUPERMARKETS
TELECOMMUNICATIONS TEXTILES THINK_TANKS TOBACCO TRANSLATION_AND_LOCALIZATION TRANSPORTATION_TRUCKING_RAILROAD
UTILITIES VENTURE_CAPITAL_PRIVATE_EQUITY VETERINARY WAREHOUSING WHOLESALE WINE_AND_SPIRITS WIRELESS
WRITING_AND_EDITING"""


def choice(name: str, options: dict[str, str] | str | None, field_type: str = "select") -> PropertyDefinition:
    """An enumeration; options without labels are their own; None takes any text."""
    if options is None:
        return PropertyDefinition(name, "enumeration", field_type)
    labelled = {value: value for value in options.split()} if isinstance(options, str) else options
    labels = {label.lower(): value for value, label in labelled.items()}
    return PropertyDefinition(name, "enumeration", field_type, frozenset(labelled), labels)


def _plain(kind: str, field_type: str, names: str, is_read_only: bool = False) -> list[PropertyDefinition]:
    return [PropertyDefinition(name, kind, field_type, is_read_only=is_read_only) for name in names.split()]


def _contact() -> list[PropertyDefinition]:
    return [
        *_plain("string", "text", _CONTACT_TEXTS),
        *_plain("string", "phonenumber", "phone mobilephone"),
        choice("lifecyclestage", _LIFECYCLE, "radio"),
        choice("hs_lead_status", _LEAD_STATUS, "radio"),
        choice("numemployees", _EMPLOYEE_RANGES),
        choice("hs_buying_role", _BUYING_ROLES, "checkbox"),
        *(choice(name, None) for name in ("hubspot_owner_id", "hs_language", "hs_timezone", "hs_persona")),
        *_plain("number", "number", "associatedcompanyid"),
        *_plain("datetime", "date", "closedate"),
        *_plain("datetime", "date", "createdate lastmodifieddate", is_read_only=True),
        *_plain("number", "number", "hs_object_id total_revenue num_conversion_events", is_read_only=True),
        *_plain("string", "text", "hs_email_domain", is_read_only=True),
        *_plain("bool", "booleancheckbox", "hs_email_optout", is_read_only=True),
    ]


def _company() -> list[PropertyDefinition]:
    return [
        *_plain("string", "text", _COMPANY_TEXTS),
        *_plain("string", "phonenumber", "phone"),
        choice("industry", {name: name.replace("_", " ").title() for name in INDUSTRIES.split()}),
        choice("lifecyclestage", _LIFECYCLE, "radio"),
        choice("hs_lead_status", _LEAD_STATUS, "radio"),
        choice("type", "PROSPECT PARTNER RESELLER VENDOR OTHER", "radio"),
        *(choice(name, None) for name in ("hubspot_owner_id", "hs_additional_domains", "web_technologies")),
        *_plain("number", "number", "annualrevenue numberofemployees hs_parent_company_id"),
        *_plain("bool", "booleancheckbox", "is_public"),
        *_plain("datetime", "date", "closedate"),
        *_plain("datetime", "date", "createdate hs_lastmodifieddate", is_read_only=True),
        *_plain("number", "number", "hs_object_id hs_num_child_companies num_associated_contacts", is_read_only=True),
    ]


def default_portal(hub_id: str) -> PortalSchema:
    """The schema of an unchanged portal, with custom events available."""
    return PortalSchema(
        hub_id=hub_id,
        contact={definition.name: definition for definition in _contact()},
        company={definition.name: definition for definition in _company()},
    )
