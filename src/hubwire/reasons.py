"""Every reason that a message, or a field of it, is rejected, discarded, held, left out or dead, with cause and remedy.

The docs page and the console read this table; nothing else words a reason.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    REJECTED = "rejected"
    DISCARDED = "discarded"
    HELD = "held"
    LEFT_OUT = "left out"
    DEAD = "dead"
    RETRYING = "retrying"
    STOPPED = "stopped"


class Reason(StrEnum):
    # rejected at the door: journaled, never delivered
    NO_IDS = "no-ids"
    NO_EVENT = "no-event"
    NO_TYPE = "no-type"
    UNKNOWN_TYPE = "unknown-type"
    NO_GROUP_ID = "no-group-id"
    NO_PREVIOUS_ID = "no-previous-id"
    TOO_MANY_IN_UPLOAD = "too-many-in-upload"
    # discarded by rule
    DISABLED_BY_INTEGRATIONS = "disabled-by-integrations"
    NO_CONSENT = "no-consent"
    EVENT_FILTERED = "event-filtered"
    DELIVERED_IN_BROWSER = "delivered-in-browser"
    PAGE_IS_DEVICE_ONLY = "page-is-device-only"
    SCREEN_NOT_SUPPORTED = "screen-not-supported"
    ALIAS_REMEMBERED = "alias-remembered"
    GROUP_FROM_BROWSER = "group-from-browser"
    GROUP_WITHOUT_WEBSITE = "group-without-website"
    INVALID_WEBSITE = "invalid-website"
    INVALID_EMAIL = "invalid-email"
    NOTHING_TO_SEND = "nothing-to-send"
    NEVER_IDENTIFIED = "never-identified"
    SUPPRESSED = "suppressed"
    EVENTS_NOT_AVAILABLE = "events-not-available"
    EVENT_NAME_UNUSABLE = "event-name-unusable"
    UNKNOWN_EVENT = "unknown-event"
    DISCARDED_BY_PERSON = "discarded-by-person"
    SOURCE_NOT_CONNECTED = "source-not-connected"
    NO_LONGER_KEPT = "no-longer-kept"
    # held
    UNKNOWN_PERSON = "unknown-person"
    UNKNOWN_COMPANY = "unknown-company"
    CONTACT_NOT_IDENTIFIED = "contact-not-identified"
    # left out of what is sent
    UNKNOWN_PROPERTY = "unknown-property"
    READ_ONLY_PROPERTY = "read-only-property"
    IGNORED_BY_MAPPING = "ignored-by-mapping"
    WRONG_TYPE = "wrong-type"
    NOT_AN_OPTION = "not-an-option"
    TOO_LONG = "too-long"
    BAD_DATE = "bad-date"
    BAD_NAME = "bad-name"
    TOO_MANY_PROPERTIES = "too-many-properties"
    EMPTY_VALUE = "empty-value"
    OVERRULED = "overruled"
    OLDER_THAN_KNOWN = "older-than-known"
    REFUSED_BY_HUBSPOT = "refused-by-hubspot"
    # retrying, dead, stopped: words of the verdict
    RATE_LIMITED = "rate-limited"
    BUDGET_SPENT = "budget-spent"
    LOCKED = "locked"
    MIGRATING = "migrating"
    HUBSPOT_FAILED = "hubspot-failed"
    HUBSPOT_UNREACHABLE = "hubspot-unreachable"
    HUBSPOT_UNREADABLE = "hubspot-unreadable"
    RECORD_MISSING = "record-missing"
    INVALID_INPUT = "invalid-input"
    CONFLICT = "conflict"
    NOT_FOUND = "not-found"
    MISSING_REQUIRED_PROPERTY = "missing-required-property"
    RETRIES_EXHAUSTED = "retries-exhausted"
    INTERNAL_ERROR = "internal-error"
    UNAUTHORISED = "unauthorised"
    MISSING_SCOPE = "missing-scope"
    KEY_NOT_UNIQUE = "key-not-unique"
    RUN_OF_DEATHS = "run-of-deaths"
    PAUSED = "paused"


class Explanation(NamedTuple):
    kind: Kind
    cause: str
    remedy: str


_REJECTED: dict[Reason, tuple[str, str]] = {
    Reason.NO_IDS: (
        "The call has neither a userId nor an anonymousId.",
        "Send one of them. Segment itself accepts such calls with 200 and drops them; X-Strict-Mode: 1 answers 400.",
    ),
    Reason.NO_EVENT: ("The track call has no event name.", "Send `event`."),
    Reason.NO_TYPE: ("A message of the upload has no `type`.", "Send `type` with every item of a batch."),
    Reason.UNKNOWN_TYPE: (
        "The `type` is none of identify, track, page, screen, group and alias.",
        "Correct the type, or stop sending these messages.",
    ),
    Reason.NO_GROUP_ID: ("The group call has no groupId.", "Send `groupId`."),
    Reason.NO_PREVIOUS_ID: ("The alias call has no previousId or no userId.", "Send both."),
    Reason.TOO_MANY_IN_UPLOAD: (
        "The upload has more than 2,500 messages; those after them are not delivered.",
        "Send smaller batches. Official libraries do.",
    ),
}

_DISCARDED: dict[Reason, tuple[str, str]] = {
    Reason.DISABLED_BY_INTEGRATIONS: (
        "The message's `integrations` object turns HubSpot off, by name or with `All: false`.",
        "Nothing, if that is meant. Else remove it, or name HubSpot as true beside `All: false`.",
    ),
    Reason.NO_CONSENT: (
        "`context.consent.categoryPreferences` does not allow every category of this destination.",
        "Nothing: the person's choice is respected. The categories are the mapping's `consent_categories`.",
    ),
    Reason.EVENT_FILTERED: (
        "The mapping filters this event: it is set to nothing in `events`, or `only_events` does not list it.",
        "Change the mapping, then replay the discarded messages.",
    ),
    Reason.DELIVERED_IN_BROWSER: (
        "HubSpot's tracking code in the page has already sent it (device mode).",
        "Nothing: sending it again would count it twice.",
    ),
    Reason.PAGE_IS_DEVICE_ONLY: (
        "HubSpot's API has no page views: only its tracking code in the page can tell them.",
        "Turn device mode on for the source, or set `pages_as_events` to send page calls as custom events.",
    ),
    Reason.SCREEN_NOT_SUPPORTED: (
        "HubSpot has no screens.",
        "Set `screens_as_events` to send screen calls as custom events.",
    ),
    Reason.ALIAS_REMEMBERED: (
        "HubSpot has no call for an alias; it is remembered that both ids are one person.",
        "Nothing: later messages with either id reach the same contact.",
    ),
    Reason.GROUP_FROM_BROWSER: (
        "Group calls from a browser library have no effect in HubSpot.",
        "Send group from a server or a mobile app, or set `group_from_browser`.",
    ),
    Reason.GROUP_WITHOUT_WEBSITE: (
        "The group call has no `website`, and none came for its groupId while it was held.",
        "Send the `website` trait, then replay: its domain is what identifies a company in HubSpot.",
    ),
    Reason.INVALID_WEBSITE: (
        "The `website` is no address on the internet: a full one is needed (https://www.example.com).",
        "Correct the `website` trait. An IP address, localhost, an e-mail address or a bare suffix make no company.",
    ),
    Reason.INVALID_EMAIL: (
        "The e-mail is not one, and no other source of the person's e-mail is known.",
        "Correct the e-mail where the call is made.",
    ),
    Reason.NOTHING_TO_SEND: (
        "The person is known, and the call has no trait that the portal takes.",
        "See what was left out. Create the properties in HubSpot, or set `create_properties`.",
    ),
    Reason.NEVER_IDENTIFIED: (
        "The message waited for an identify of its ids that never came, or its ids can be nobody's (`null`, `0`).",
        "Identify the person with an e-mail, then replay. The waiting time is the destination's `hold_hours`.",
    ),
    Reason.SUPPRESSED: (
        "The person asked to be forgotten: nothing about them is sent any more.",
        "Nothing. `hubwire forget` printed a receipt when it was asked for.",
    ),
    Reason.EVENTS_NOT_AVAILABLE: (
        "HubSpot refuses custom events for this portal: they need an Enterprise tier and the token's event scopes.",
        "Upgrade the account or add the scopes (`hubwire doctor` names them), then replay. Contacts are not affected.",
    ),
    Reason.EVENT_NAME_UNUSABLE: (
        "The event's name is nothing but punctuation, or it is a full name (`pe<hub id>_…`) of another portal.",
        "Rename the event, or map it to a HubSpot event in `events`.",
    ),
    Reason.UNKNOWN_EVENT: (
        "The portal has no definition of this event, and the destination may not create one.",
        "Create the event in HubSpot, map the name in `events`, or set `create_event_definitions`.",
    ),
    Reason.DISCARDED_BY_PERSON: (
        "Somebody discarded it in the console, by the command line or through the API.",
        "Replay it if that was a mistake.",
    ),
    Reason.SOURCE_NOT_CONNECTED: (
        "The message's source does not feed this destination.",
        "Connect the source to the destination, then replay.",
    ),
    Reason.NO_LONGER_KEPT: (
        "Retention removed the message before it could be delivered again.",
        "Nothing. Raise `retention_days` if replays come later than that.",
    ),
}

_HELD: dict[Reason, tuple[str, str]] = {
    Reason.UNKNOWN_PERSON: (
        "The message has no e-mail, and none is known for its userId or anonymousId yet.",
        "Nothing: it goes as soon as an identify names the person, in any order of arrival.",
    ),
    Reason.UNKNOWN_COMPANY: (
        "The group call has no usable `website`, and no group call has given this groupId one yet.",
        "Send the `website` trait once with this groupId: the message goes then, in any order of arrival.",
    ),
    Reason.CONTACT_NOT_IDENTIFIED: (
        "HubSpot companies need a contact that was identified first; no identify of this person has come yet.",
        "Call identify with an e-mail for this userId, or turn `companies_need_contact` off.",
    ),
}

_LEFT_OUT: dict[Reason, tuple[str, str]] = {
    Reason.UNKNOWN_PROPERTY: (
        "The portal has no property (or the event's definition no field) of this name.",
        "Create it in HubSpot, map the trait to one that exists, or set `create_properties`.",
    ),
    Reason.READ_ONLY_PROPERTY: (
        "HubSpot, or Hubwire for its keys, sets this property itself.",
        "Map the trait to a property of your own, or stop sending it.",
    ),
    Reason.IGNORED_BY_MAPPING: ("The mapping says to ignore this trait.", "Nothing, or change the mapping."),
    Reason.WRONG_TYPE: (
        "The value does not fit the property's type, and HubSpot would refuse it.",
        "Send the type that is expected, or map the trait to a text property.",
    ),
    Reason.NOT_AN_OPTION: (
        "The property is a choice, and the value fits none of its options: not by value, not by label.",
        "Add the option in HubSpot or correct the value.",
    ),
    Reason.TOO_LONG: (
        "The value is longer than HubSpot takes: 65,536 characters, in events 256 (URLs 1,024).",
        "Shorten the value.",
    ),
    Reason.BAD_DATE: (
        "The value is no date for HubSpot. Dates are ISO-8601 texts; a UNIX timestamp in seconds is not understood.",
        "Send an ISO-8601 date such as 2026-01-31 or 2026-01-31T10:00:00Z.",
    ),
    Reason.BAD_NAME: (
        "No HubSpot name can be made of the key, or another property of the event has the same one.",
        "Name it with letters a-z, digits and `_`, beginning with a letter.",
    ),
    Reason.TOO_MANY_PROPERTIES: (
        "An event takes 50 properties, one message creates at most 25 and lists at most 100 reports.",
        "Send fewer properties.",
    ),
    Reason.EMPTY_VALUE: (
        "The value is null or only blanks, which changes nothing.",
        'Send "" to clear the property in HubSpot.',
    ),
    Reason.OVERRULED: (
        "Another trait of the message writes the same property, and goes before this one.",
        "Send one of them, or map one to another property.",
    ),
    Reason.OLDER_THAN_KNOWN: (
        "HubSpot already has a value from a newer message.",
        "Nothing: a late or replayed message never overwrites newer data.",
    ),
    Reason.REFUSED_BY_HUBSPOT: (
        "HubSpot refused this value; the rest of the record was written.",
        "See HubSpot's words beside it, and correct the value or the property.",
    ),
}

_RETRYING: dict[Reason, tuple[str, str]] = {
    Reason.RATE_LIMITED: ("HubSpot said that calls come too fast.", "Nothing: it is sent again by itself."),
    Reason.LOCKED: ("HubSpot has the record locked for a moment.", "Nothing: it is sent again by itself."),
    Reason.HUBSPOT_FAILED: ("HubSpot failed (a 5xx answer).", "Nothing: it is sent again. See status.hubspot.com."),
    Reason.HUBSPOT_UNREACHABLE: (
        "No answer from HubSpot: connection refused, reset or timed out.",
        "If it lasts, look at the network between here and api.hubapi.com (`hubwire doctor`).",
    ),
    Reason.HUBSPOT_UNREADABLE: (
        "The answer is not HubSpot's: HTML or a redirect instead of JSON, as a proxy gives.",
        "Look at `HUBSPOT_BASE_URL` and at proxies in between.",
    ),
    Reason.RECORD_MISSING: (
        "HubSpot answered with success, but the record did not come back.",
        "Nothing: it is not counted as delivered and is sent again.",
    ),
}

_DEAD: dict[Reason, tuple[str, str]] = {
    Reason.INVALID_INPUT: (
        "HubSpot will not take the record as it is; its answer is on the message's page.",
        "Correct what HubSpot names, then replay.",
    ),
    Reason.CONFLICT: (
        "Another record has the same unique value.",
        "Merge the records in HubSpot or correct the value, then replay.",
    ),
    Reason.NOT_FOUND: (
        "The record, or the path itself, no longer exists in HubSpot.",
        "If records were deleted or merged, replay. If all calls say so, look at `HUBSPOT_BASE_URL` and"
        " `HUBSPOT_API_VERSION`.",
    ),
    Reason.MISSING_REQUIRED_PROPERTY: (
        "A rule of the HubSpot account asks for a property that the message does not have.",
        "Map a trait to that property or send it, or relax the rule in HubSpot; then replay.",
    ),
    Reason.RETRIES_EXHAUSTED: (
        "It was tried again for as long as the settings allow, and never taken.",
        "See the last answer, mend its cause, then replay.",
    ),
    Reason.INTERNAL_ERROR: (
        "Hubwire itself failed over this message: a bug. The log has the traceback.",
        "Report it with the message's page, then replay after an update.",
    ),
}

_STOPPED: dict[Reason, tuple[str, str]] = {
    Reason.BUDGET_SPENT: (
        "The day's calls are used up.",
        "Nothing: delivery goes on at the portal's midnight. Raise `calls_per_day` if HubSpot allows more.",
    ),
    Reason.MIGRATING: (
        "HubSpot is moving the account to another data centre.",
        "Nothing: delivery goes on by itself when HubSpot is done.",
    ),
    Reason.UNAUTHORISED: (
        "HubSpot does not accept the access token. Everything is kept.",
        "Set a valid token; delivery goes on where it stopped.",
    ),
    Reason.MISSING_SCOPE: (
        "The access token lacks a scope or permission. Everything is kept.",
        "Add the scope that HubSpot's answer names (`hubwire doctor` lists all); delivery goes on where it stopped.",
    ),
    Reason.KEY_NOT_UNIQUE: (
        "The company property that Hubwire keys companies by exists without unique values.",
        "Delete or rename the property `hubwire_domain` in HubSpot; Hubwire makes it again.",
    ),
    Reason.RUN_OF_DEATHS: (
        "Many messages in a row were refused for good: a setting is wrong rather than each of them.",
        "Look at the last dead letters, mend the cause, resume the line and replay.",
    ),
    Reason.PAUSED: ("Somebody paused the destination. Everything is kept.", "Resume it."),
}

EXPLANATIONS: dict[Reason, Explanation] = {
    reason: Explanation(kind, cause, remedy)
    for kind, table in (
        (Kind.REJECTED, _REJECTED),
        (Kind.DISCARDED, _DISCARDED),
        (Kind.HELD, _HELD),
        (Kind.LEFT_OUT, _LEFT_OUT),
        (Kind.RETRYING, _RETRYING),
        (Kind.DEAD, _DEAD),
        (Kind.STOPPED, _STOPPED),
    )
    for reason, (cause, remedy) in table.items()
}


def explain(reason: Reason) -> Explanation:
    """Cause and remedy of a reason, in words for the person who reads the message's page."""
    return EXPLANATIONS[reason]
