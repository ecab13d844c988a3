"""Contacts of Google, Outlook and LinkedIn. Pure.

Source: headers in public importers' test files, and the mark ` ::: ` with which Google separates several values of a
cell, as two public importers read it.
"""

from __future__ import annotations

from typing import Final

from hubwire.backfill.systems.known import Known, all_of, people_shape, words
from hubwire.backfill.systems.people import EMAIL, identified
from hubwire.backfill.systems.shapes import Message

_BETWEEN_VALUES: Final = " ::: "


def _with_first_values(message: Message) -> None:
    traits = message.get("traits", {})
    for name, value in traits.items():
        if isinstance(value, str) and _BETWEEN_VALUES in value:
            traits[name] = value.partition(_BETWEEN_VALUES)[0].strip()
    identified(message)


GOOGLE: Final = people_shape(
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
    all_of("photo labels groupmembership notes fileas name", "a note of the address book"),
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
    finish=_with_first_values,
)
OUTLOOK: Final = people_shape(
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
    all_of(
        "notes categories anniversary birthday priority private sensitivity spouse children hobby", "a private note"
    ),
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
LINKEDIN: Final = people_shape(
    "LinkedIn's connections",
    {"connectedon": "timestamp", "position": "traits.jobtitle", "url": "traits.linkedin_url"},
    {},
)
KNOWN: Final = (
    Known(GOOGLE, words("email1value")),
    Known(OUTLOOK, words("emailaddress businessphone")),
    Known(LINKEDIN, words("emailaddress connectedon")),
)
