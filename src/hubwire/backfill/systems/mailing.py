"""People of Mailchimp, Intercom and Customer.io. Pure.

Sources: headers in public importers' test files (Mailchimp); the headers of Intercom and Customer.io are chosen from
their documented fields.
"""

from __future__ import annotations

from typing import Final

from hubwire.backfill.systems.known import Known, all_of, deleted, people_shape, words
from hubwire.backfill.systems.people import EMAIL
from hubwire.backfill.systems.shapes import BOOKKEEPING

MAILCHIMP: Final = people_shape(
    "Mailchimp's audience",
    {"lastchanged": "timestamp", "confirmtime": "timestamp", "optintime": "timestamp"},
    all_of("memberrating optinip confirmip latitude longitude gmtoff dstoff timezone cc leid euid", BOOKKEEPING),
    notes=("Subscriptions do not arrive: HubSpot stores them by subscription type.",),
)
INTERCOM: Final = people_shape(
    "Intercom's users",
    {"userid": "userId", "lastseen": "timestamp", "updatedat": "timestamp", "signedup": "timestamp"},
    {
        **all_of(
            "id intercomid sessions websessions emailbounced unsubscribedfromemails tag tags segment", BOOKKEEPING
        ),
        **all_of("firstseen lastcontacted lastheardfrom lastopenedemail lastclickedonlinkinemail", BOOKKEEPING),
    },
    prefixes={"browser": BOOKKEEPING, "os": BOOKKEEPING, "utm": BOOKKEEPING},
)
CUSTOMERIO_PEOPLE: Final = people_shape(
    "Customer.io's people",
    {"id": "userId", "customerid": "userId", "emailaddr": EMAIL, "updatedat": "timestamp", "createdat": "timestamp"},
    all_of(
        "cioid internalcustomerid workspaceid deleted suppressed ciosubscriptionpreferences unsubscribed", BOOKKEEPING
    ),
    passed_over=deleted,
)
KNOWN: Final = (
    Known(MAILCHIMP, words("emailaddress memberrating")),
    Known(MAILCHIMP, words("emailaddress leid")),
    Known(INTERCOM, words("email"), words("intercomid websessions lastheardfrom lastopenedemail")),
    Known(INTERCOM, words("email lastseen signedup")),
    Known(CUSTOMERIO_PEOPLE, words("cioid")),
    Known(CUSTOMERIO_PEOPLE, words("internalcustomerid customerid")),
)
