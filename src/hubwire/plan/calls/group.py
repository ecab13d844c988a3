"""group -> one company, and the contact associated to it.

The seed has three requirements, which we implement so. (1) Not from a browser library: such a call is discarded, unless
`group_from_browser` is set. (2) The contact must have been identified: the call is held until an identify of this
userId or anonymousId arrives, unless `companies_need_contact` is off (then the company is sent at once, with the
association if the person is known). (3) A website: its domain identifies the company. Without one, the call uses the
domain that another group call gave the same groupId, and is held until one does. The associated contact is the one that
identify named, whatever e-mail the group call has. With a destination's `company_key`, the company is known by it and
needs no website.
Sources: the seed, "Group"; Segment Actions, upsertCompany ("Missing Identity Call").
"""

from __future__ import annotations

from hubwire.destination import CompanyDomain, Mapping, Source, SourceKind
from hubwire.message import Message
from hubwire.operation import Associate, Discard, LeftOut, Link, Plan, PropertyValue, UpsertCompany
from hubwire.plan.calls.identify import own_contact
from hubwire.plan.company import company_domain
from hubwire.plan.conversion.properties import Writer, may_create, shortened
from hubwire.plan.emails import value_of
from hubwire.plan.hold import unknown_company, unknown_person
from hubwire.plan.identity import IDENTIFIED, Identity, Resolution, names_someone
from hubwire.plan.rulebook import Rulebook
from hubwire.reasons import Reason

_BROWSER_LIBRARIES = frozenset({"analytics.js", "rudderlabs javascript sdk"})
_FROM_BROWSER = Discard(Reason.GROUP_FROM_BROWSER)


def is_from_browser(message: Message, source: Source) -> bool:
    """True if a browser library sent it, by the source's kind or the library's name."""
    if source.kind is SourceKind.WEB:
        return True
    library = message.context.get("library")
    name = library.get("name") if isinstance(library, dict) else None
    return (isinstance(name, str) and name.lower() in _BROWSER_LIBRARIES) or message.context.get("channel") == "browser"


def given_domain(message: Message, how: CompanyDomain) -> tuple[str | None, str | None]:
    """The company's domain from `website` (else from `domain`), and the unusable one that was given."""
    unusable = None
    for key in ("website", "domain"):
        value = value_of(message.traits, key)
        if value is None or value == "":
            continue
        domain = company_domain(value, how) if isinstance(value, str) else None
        if domain is not None:
            return domain, unusable
        unusable = str(value)
    return None, unusable


def plan_group(message: Message, source: Source, book: Rulebook, identity: Identity) -> Plan:
    """The company and the association, or the requirement that is not met."""
    if is_from_browser(message, source) and not book.mapping.group_from_browser:
        return Plan(fate=_FROM_BROWSER)
    if "companies" not in book.defaults:
        return Plan(fate=Discard(Reason.DEFAULT_IS_OFF, "companies"))
    plan = Plan()
    space = source.identity_space
    domain, unusable = given_domain(message, book.mapping.company_domain)
    domain = domain or identity.domain_of_group(space, message.group_id)
    key = book.company_key.of(message, book.schema.company, plan) if book.company_key is not None else None
    company = key or domain
    if company is None:
        plan.fate = unknown_company(message, source, unusable)
        return plan
    person = identity.resolve(space, message.user_id, message.anonymous_id)
    own = book.contact_key.of(message, book.schema.contact, plan) if book.contact_key is not None else None
    is_identified = own is not None or (person.email is not None and person.strength == IDENTIFIED)
    if book.mapping.companies_need_contact and not is_identified:
        plan.fate = unknown_person(source, person, Reason.CONTACT_NOT_IDENTIFIED)
        return plan
    properties = _company_properties(message, source, domain, unusable is not None, book, plan)
    plan.operations.append(UpsertCompany(company, properties, message.timestamp_ms, message.position))
    if "associations" in book.defaults:
        _associate(message, source, own, person, (company, plan))
    shortened(plan.left_out)
    return plan


def _associate(message: Message, source: Source, own: str | None, person: Resolution, to: tuple[str, Plan]) -> None:
    """The association of the group call's person with a company in a plan. `own`: the person's `contact_key`."""
    company, plan = to
    if own is not None:
        contact = own_contact(message, source, (own, person.email), {}, None)
        contact.unknown = unknown_person(source, person) if person.email is None else None
        plan.operations.append(contact)
    if (key := own or person.email) is not None:
        plan.operations.append(Associate(key, company, message.position, message.timestamp_ms))
    else:
        plan.left_out.append(LeftOut("association", Reason.UNKNOWN_PERSON))


def _company_properties(
    message: Message, source: Source, domain: str | None, is_invalid: bool, book: Rulebook, plan: Plan
) -> dict[str, PropertyValue]:
    """The company's properties, including its `domain` if it has one; an invalid website is left out."""
    writer = Writer(book.group_traits, plan, may_create(book.mapping, source))
    traits = message.traits
    if is_invalid and value_of(traits, "website") is not None:
        traits = {key: value for key, value in traits.items() if key.lower() != "website"}
        plan.left_out.append(LeftOut("traits.website", Reason.INVALID_WEBSITE))
    writer.write(traits)
    if domain is None:
        return writer.properties
    own = value_of(traits, "domain")
    if isinstance(own, str) and own and company_domain(own, book.mapping.company_domain) != domain:
        detail = "the company's domain comes from its website"
        plan.left_out.append(LeftOut("traits.domain", Reason.READ_ONLY_PROPERTY, detail))
    writer.properties["domain"] = PropertyValue(domain, "website.domain")
    return writer.properties


def links_of_group(message: Message, source: Source, mapping: Mapping) -> list[Link]:
    """The domain of the groupId, for later group calls that do not repeat the website."""
    if not names_someone(message.group_id) or (is_from_browser(message, source) and not mapping.group_from_browser):
        return []
    domain, _ = given_domain(message, mapping.company_domain)
    if domain is None:
        return []
    return [Link(source.identity_space, f"g:{message.group_id}", domain, IDENTIFIED, message.timestamp_ms)]
