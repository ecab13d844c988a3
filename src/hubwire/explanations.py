"""The cause and the remedy of each reason, worded for the person who reads them.

The documentation, the console and the command line all read this table.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from hubwire.reasons import Reason


class Kind(StrEnum):
    REJECTED = "rejected"
    DISCARDED = "discarded"
    HELD = "held"
    LEFT_OUT = "left out"
    DEAD = "dead"
    RETRYING = "retrying"
    STOPPED = "stopped"


class Explanation(NamedTuple):
    kind: Kind
    cause: str
    remedy: str


_REJECTED: dict[Reason, tuple[str, str]] = {
    Reason.NO_IDS: (
        "The call has neither a userId nor an anonymousId.",
        "Send one of them. Segment answers such calls with 200 and drops them; with X-Strict-Mode: 1, Hubwire answers"
        " 400.",
    ),
    Reason.NO_EVENT: ("The track call has no event name.", "Send `event`."),
    Reason.NO_TYPE: ("The message has no `type`.", "Send `type` with every message of a batch."),
    Reason.UNKNOWN_TYPE: (
        "The `type` is not identify, track, page, screen, group or alias.",
        "Correct the type, or stop sending these messages.",
    ),
    Reason.NO_GROUP_ID: ("The group call has no groupId.", "Send `groupId`."),
    Reason.NO_PREVIOUS_ID: ("The alias call has no previousId.", "Send `previousId`."),
    Reason.TOO_MANY_IN_UPLOAD: (
        "The upload has more messages than `max_upload_messages` allows. The messages past that limit are rejected.",
        "Send smaller batches, as official libraries do, or raise `max_upload_messages`.",
    ),
    Reason.NOT_AN_OBJECT: (
        "An item of the batch is not a JSON object.",
        "Find out why the sender puts it there. The other messages of the upload are not affected.",
    ),
    Reason.MESSAGE_TOO_LARGE: (
        "The message is larger than `max_message_bytes` allows. Hubwire keeps only its ids and its size.",
        "Send smaller messages, or raise `max_message_bytes`. The other messages of the upload are not affected.",
    ),
    Reason.TOO_DEEP: (
        "The message is nested deeper than 128 levels. Hubwire keeps only its ids and its size.",
        "Send flatter objects. The other messages of the upload are not affected.",
    ),
}

_DISCARDED: dict[Reason, tuple[str, str]] = {
    Reason.DISABLED_BY_INTEGRATIONS: (
        "The message's `integrations` object turns HubSpot off, by name or with `All: false`.",
        "Nothing to do if you want this. Otherwise remove it, or set HubSpot to true beside `All: false`.",
    ),
    Reason.NO_CONSENT: (
        "`context.consent.categoryPreferences` does not allow every category of this destination.",
        "Nothing to do: Hubwire respects the person's choice. The mapping's `consent_categories` lists the categories.",
    ),
    Reason.CONSENT_NOTED: (
        "The track `Segment Consent Preference Updated` is consent: Hubwire records it and sends no event. The person's"
        " page shows it.",
        "Nothing to do. To count these changes in HubSpot, map the event in `events`.",
    ),
    Reason.EVENT_FILTERED: (
        "The mapping filters out this event: `events` maps it to nothing, or `only_events` does not list it.",
        "Change the mapping, then replay the discarded messages.",
    ),
    Reason.SKIPPED_BY_RULE: (
        "A rule of the destination skips such messages; the detail names the rule and its reason.",
        "Nothing to do if you want this. Otherwise change the rule, then replay the discarded messages.",
    ),
    Reason.DEFAULT_IS_OFF: (
        "The destination's `defaults` do not have the part of the default behaviour that the detail names, and no rule"
        " wrote anything for the message.",
        "Nothing to do if you want this. Otherwise add the part to `defaults`, or a rule, then replay the discarded"
        " messages.",
    ),
    Reason.DELIVERED_IN_BROWSER: (
        "HubSpot's tracking code has already sent it from the page (device mode).",
        "Nothing to do: if Hubwire sent it too, HubSpot would count it twice.",
    ),
    Reason.PAGE_IS_DEVICE_ONLY: (
        "HubSpot's API does not accept page views; only its tracking code in the page can send them.",
        "Turn device mode on for the source, or set `pages_as_events` to send page calls as custom events.",
    ),
    Reason.SCREEN_NOT_SUPPORTED: (
        "HubSpot has no screen views.",
        "Set `screens_as_events` to send screen calls as custom events.",
    ),
    Reason.ALIAS_REMEMBERED: (
        "HubSpot has no alias call. Hubwire remembers that both ids belong to one person.",
        "Nothing to do: later messages with either id reach the same contact.",
    ),
    Reason.GROUP_FROM_BROWSER: (
        "Group calls from a browser library have no effect in HubSpot.",
        "Send group from a server or a mobile app, or set `group_from_browser`.",
    ),
    Reason.GROUP_WITHOUT_WEBSITE: (
        "The group call has no `website`, and no other call gave its groupId one while the message was held.",
        "Send the `website` trait, then replay: its domain identifies the company in HubSpot.",
    ),
    Reason.INVALID_WEBSITE: (
        "The `website` is not a full internet address such as https://www.example.com.",
        "Correct the `website` trait. An IP address, localhost, an e-mail address or a bare suffix is not enough.",
    ),
    Reason.INVALID_EMAIL: (
        "This is not a valid e-mail address, and no other address is known for this person.",
        "Correct the address in the app that sends it.",
    ),
    Reason.NOTHING_TO_SEND: (
        "The person is known, but the portal accepts none of the call's traits.",
        "The message page lists the left-out fields. Create the properties in HubSpot, or set `create_properties`.",
    ),
    Reason.NEVER_IDENTIFIED: (
        "No identify call named this person in time, or the ids cannot belong to anybody (`null`, `0`).",
        "Identify the person with an e-mail, then replay. The destination's `hold_hours` sets the waiting time.",
    ),
    Reason.SUPPRESSED: (
        "The person asked to be deleted. Hubwire sends nothing more about them.",
        "Nothing to do. `hubwire forget` printed a receipt at the time.",
    ),
    Reason.EVENTS_NOT_AVAILABLE: (
        "HubSpot refuses custom events for this portal: they need an Enterprise tier and the token's event scopes.",
        "Upgrade the account or add the scopes (`hubwire doctor` names them), then replay. Contacts are not affected.",
    ),
    Reason.EVENT_NAME_UNUSABLE: (
        "The event's name has no letter or digit, or it is a full name (`pe<hub id>_…`) of another portal.",
        "Rename the event, or map it to a HubSpot event in `events`.",
    ),
    Reason.UNKNOWN_EVENT: (
        "The portal has no definition of this event, and the destination may not create one.",
        "Create the event in HubSpot, map the name in `events`, or set `create_event_definitions`.",
    ),
    Reason.DEFINITION_NEVER_MADE: (
        "The event was held for `definition-limit` or `event-name-used`, and there was no definition before the hold"
        " ended.",
        "Create the events that you want, map them in `events`, or raise `public_definitions_per_day`. Then replay the"
        " discarded messages.",
    ),
    Reason.FEATURE_NEVER_ALLOWED: (
        "The message was held for `feature-refused`, and HubSpot still refused the feature when the hold ended. The"
        " other parts of the message were sent.",
        "Add the scope that the detail names to the token (`hubwire doctor` lists all). Then replay the messages.",
    ),
    Reason.RECORD_NEVER_THERE: (
        "The message was held for `record-incomplete`, `waits-for-record` or `several-records`, and nothing changed"
        " that before the hold ended.",
        "Send the message that makes the record, or merge the several records. Then replay the discarded messages.",
    ),
    Reason.DELETED_FOR_PRIVACY: (
        "HubSpot deleted this person for privacy, and refuses the address from then on.",
        "Delete the person here too (`hubwire forget`). If the person has consented again and HubSpot accepts the"
        " address, replay the message.",
    ),
    Reason.DISCARDED_BY_PERSON: (
        "A person discarded it in the console, in a terminal or through the API.",
        "Replay it if that was a mistake.",
    ),
    Reason.SOURCE_NOT_CONNECTED: (
        "The message's source does not feed this destination.",
        "Connect the source to the destination, then replay.",
    ),
    Reason.BEFORE_SWITCH_ON: (
        "The message arrived before the destination was switched on for new messages only.",
        "Nothing to do if you want this. To deliver it, replay the discarded messages.",
    ),
    Reason.NO_LONGER_KEPT: (
        "Retention removed the message before it could be delivered again.",
        "The message cannot be recovered. Raise `retention_days` if you replay messages later than that.",
    ),
}

_HELD: dict[Reason, tuple[str, str]] = {
    Reason.UNKNOWN_PERSON: (
        "The message has no e-mail, and none is known for its userId or anonymousId yet.",
        "Nothing to do: it is sent as soon as an identify call gives this person an e-mail. An event with a"
        " `hubspotutk` cookie is sent with the cookie after `cookie_after_hours`.",
    ),
    Reason.UNKNOWN_COMPANY: (
        "The group call has no usable `website`, and no other group call has given this groupId one yet.",
        "Send the `website` trait once with this groupId; the message is sent then.",
    ),
    Reason.DEFINITION_LIMIT: (
        "The event needs a definition or a property that the portal lacks. Its source has a public write key, and has"
        " made as many today as `public_definitions_per_day` allows.",
        "Create the events that you want: `hubwire schema plan` and the console's page Properties & events list them."
        " Or raise the limit. Then replay the held messages. Otherwise Hubwire tries again after midnight UTC, until"
        " `hold_hours` are over.",
    ),
    Reason.EVENT_NAME_USED: (
        "The portal has no definition of this event, and HubSpot refuses to create one: it does not give a name again"
        " after somebody has deleted its definition.",
        "Map the event to another name in `events`, or filter it out. Then replay the held messages. Otherwise Hubwire"
        " tries again every hour, until `hold_hours` are over.",
    ),
    Reason.FEATURE_REFUSED: (
        "HubSpot refuses lists, subscriptions, forms or an object type: the token lacks a scope, the account's tier"
        " lacks the feature, or nobody has switched the object on. The other parts of the message were sent.",
        "Add the scope that the detail names, or switch the object on; `hubwire doctor` names what is missing. Hubwire"
        " asks again every hour (for object types every 15 minutes), until `hold_hours` are over; a replay asks at"
        " once.",
    ),
    Reason.RECORD_INCOMPLETE: (
        "HubSpot has no such record yet, and the message lacks a property that HubSpot needs to make one.",
        "Nothing to do if another message brings the property: both are sent then. Otherwise give the rule a value for"
        " the property that the detail names.",
    ),
    Reason.WAITS_FOR_RECORD: (
        "A rule associates only with a record that HubSpot has (`create = false`), and HubSpot does not have it yet.",
        "Nothing to do: the message is sent as soon as Hubwire makes the record.",
    ),
    Reason.SEVERAL_RECORDS: (
        "A rule looks for its record by `find`, and HubSpot has several such records. The detail has the values.",
        "Merge the records in HubSpot, or give the right one the key of the rule. Hubwire looks again every 15 minutes,"
        " until `hold_hours` are over; a replay looks at once.",
    ),
    Reason.CONTACT_NOT_IDENTIFIED: (
        "HubSpot companies need an identified contact, and no identify call of this person has arrived yet.",
        "Call identify with an e-mail for this userId, or turn `companies_need_contact` off.",
    ),
}

_LEFT_OUT: dict[Reason, tuple[str, str]] = {
    Reason.UNKNOWN_PROPERTY: (
        "The portal has no property of this name, or the event's definition has no such field.",
        "Create it in HubSpot, map the trait to an existing one, or set `create_properties`. Then send the rest:"
        " `hubwire replay --state delivered --left-out FIELD` shows the number of messages first.",
    ),
    Reason.READ_ONLY_PROPERTY: (
        "HubSpot sets this property itself, or Hubwire uses it for its own keys.",
        "Map the trait to a property of your own, or stop sending it.",
    ),
    Reason.IGNORED_BY_MAPPING: (
        "The mapping ignores this trait.",
        "Nothing to do, unless you want it sent: then change the mapping.",
    ),
    Reason.WRONG_TYPE: (
        "The value does not fit the property's type, and HubSpot would refuse it.",
        "Send a value of the expected type, or map the trait to a text property.",
    ),
    Reason.NOT_AN_OPTION: (
        "The property has a fixed list of options, and the value matches neither an option's value nor its label.",
        "Add the option in HubSpot or correct the value.",
    ),
    Reason.TOO_LONG: (
        "The value is too long for HubSpot: 65,536 characters, and 256 in events (1,024 for URLs).",
        "Shorten the value.",
    ),
    Reason.BAD_DATE: (
        "The value is not a date that HubSpot accepts. Dates are ISO 8601 texts, not UNIX timestamps in seconds.",
        "Send an ISO 8601 date such as 2026-01-31 or 2026-01-31T10:00:00Z.",
    ),
    Reason.BAD_NAME: (
        "The key cannot become a HubSpot name, or another property of the event has the same name.",
        "Use a name of letters a-z, digits and `_` that begins with a letter.",
    ),
    Reason.TOO_MANY_PROPERTIES: (
        "An event takes 50 properties. A message creates at most 25 and reports at most 100 left-out fields.",
        "Send fewer properties.",
    ),
    Reason.EMPTY_VALUE: (
        "The value is null or blank, which changes nothing. In an event, empty texts, lists and objects also count.",
        'Send "" to clear a property of a contact or company in HubSpot. An event needs no empty values.',
    ),
    Reason.RULE_WITHOUT_KEY: (
        "The message has no usable value for the key of a rule, so the rule does not know whose record or event it is."
        " The rest of the message was sent.",
        "Send the field that the rule's `key` names, or narrow the rule's trigger to messages that have it.",
    ),
    Reason.KEY_PROPERTY_NOT_UNIQUE: (
        "The property that a rule, `contact_key` or `company_key` names as the key has no unique values in HubSpot, so"
        " HubSpot cannot find records by it. The detail names the property.",
        "HubSpot cannot make a property unique afterwards. Name another property; Hubwire makes a missing one.",
    ),
    Reason.UNKNOWN_OBJECT: (
        "A rule names an object type of which Hubwire knows no properties, because it could not read the portal. The"
        " detail names the type.",
        "Let Hubwire read the portal: `hubwire doctor` says what is missing.",
    ),
    Reason.STAGE_NOT_IN_PIPELINE: (
        "The pipeline of the record has no stage of this id or label. The detail lists the stages.",
        "Correct the rule, or add the stage in HubSpot.",
    ),
    Reason.TOO_MANY_RECORDS: (
        "A list of the message has more elements than a rule makes records of: 250.",
        "Send longer lists in several messages.",
    ),
    Reason.NO_SUCH_RECORD: (
        'A rule with `mode = "update"` found no record in HubSpot, and makes none.',
        "Nothing to do if you want this. After the record exists, replay the message.",
    ),
    Reason.RECORD_EXISTS: (
        'A rule with `mode = "create"` found the record in HubSpot, and changes nothing.',
        "Nothing to do if you want this. Otherwise change the rule's `mode`, then replay the message.",
    ),
    Reason.NOT_EMPTY: (
        "HubSpot has a value for a property that a rule writes only if it is empty.",
        "Nothing to do if you want this. Otherwise take the property out of `only_if_empty`, then replay the message.",
    ),
    Reason.LINE_ITEM_HAS_PARENT: (
        "HubSpot's line items belong to one record each, and this one belongs to the record that the detail names.",
        "Give the rule's line items a key with the id of their own order or deal.",
    ),
    Reason.UNKNOWN_LABEL: (
        "The portal has no label for contact and company with the text that a rule's `associate` names.",
        "Create the label in HubSpot, or correct the rule. Then replay the message.",
    ),
    Reason.RULE_FAILED: (
        "A value in the message is of a type that the rule's mapping cannot take. The rest of the message was sent.",
        "The detail says what was expected. Correct the rule or the message, then replay.",
    ),
    Reason.LIST_NOT_FOUND: (
        "The portal has no list of the name or id that a rule gives, and the message may not create one.",
        "Create a static list in HubSpot, or set `create_list` of the rule. Then replay the message.",
    ),
    Reason.LIST_UNUSABLE: (
        "HubSpot has the list, but calls cannot set its members; the detail says why.",
        "Name a static list of the right object type. Hubwire looks again after five minutes; then replay the message.",
    ),
    Reason.NOT_LISTED: (
        "HubSpot did not put the record on the list, or take it off: it calls the record missing.",
        "Look for the contact in HubSpot. It may have been deleted or merged at this moment; then replay the message.",
    ),
    Reason.UNKNOWN_SUBSCRIPTION: (
        "The portal has no active subscription type of the name or id that a rule gives.",
        "Correct the rule, or create the type in HubSpot. Then replay the message.",
    ),
    Reason.OPTED_OUT: (
        "The person unsubscribed in HubSpot or through an earlier message, and the rule does not take that back.",
        "Nothing to do: Hubwire respects the choice. If the person clearly asked for it again, set `resubscribe` of the"
        " rule, then replay the message.",
    ),
    Reason.SUBMITTED_ALREADY: (
        "Another message submitted the same form for the same person with the same values less than a minute apart: a"
        " double click.",
        "Nothing to do: HubSpot has one submission.",
    ),
    Reason.FORM_NOT_SUBMITTED: (
        "A rule submits a form, but not for this message; the detail says why.",
        "Nothing to do: HubSpot takes submissions of the last month, and asks not to use them for imports. The rest of"
        " the message was sent.",
    ),
    Reason.FORM_HAS_CAPTCHA: (
        "The form has a captcha, so HubSpot refuses every submission that does not come from its own page.",
        "Turn the captcha of the form off in HubSpot, or name another form. Then replay the message.",
    ),
    Reason.FORM_MADE_NOTHING: (
        "HubSpot answered the submission with 200, and no contact of this address appeared within two minutes. HubSpot"
        " does so for addresses such as those at example.com.",
        "Look at the address. The rest of the message was sent, and a replay does not submit the form again.",
    ),
    Reason.OVERRULED: (
        "Another trait of the message writes the same property and has priority.",
        "Send only one of them, or map one to another property.",
    ),
    Reason.SENT_BY_COOKIE: (
        "Nobody gave this person an e-mail in time, so the event went with the visitor's `hubspotutk` cookie. HubSpot"
        " finds the contact by the cookie and does not say whether it knows it; contact properties were not sent.",
        "Identify visitors with an e-mail. `cookie_after_hours` sets the waiting time; `events_by_cookie` turns this"
        " off.",
    ),
    Reason.TIME_NOT_UNDERSTOOD: (
        "The message's time is not in an unambiguous form, so Hubwire uses the time of its arrival.",
        "Send ISO 8601 texts such as 2026-01-31T10:00:00Z; docs/how-to/backfill.md lists all forms.",
    ),
    Reason.TIME_IN_FUTURE: (
        "The message's time is later than its arrival, so Hubwire uses the time of its arrival.",
        "Correct the clock of the device or server that sends it.",
    ),
    Reason.OLDER_THAN_KNOWN: (
        "HubSpot already has a value from a newer message; the detail names that message and its time.",
        "Nothing to do: a late or replayed message never overwrites newer data.",
    ),
    Reason.NEWER_IN_HUBSPOT: (
        "Somebody changed this property in HubSpot after the time of the message; the detail says who and when.",
        "Nothing to do: later changes stay. If you want this value anyway, set it in HubSpot.",
    ),
    Reason.LOWER_TRUST: (
        "A server source wrote another value, and the message came with a public write key.",
        "Nothing to do: strangers can send with a public key. To let the newest value win whatever its source, set"
        ' `trust` of the destination to "equal".',
    ),
    Reason.STAGE_NOT_MOVED_BACK: (
        "HubSpot has a later lifecycle stage, and a web or mobile source never moves a stage back.",
        "If the stage really moves back, send it from a server source.",
    ),
    Reason.TAKEN_BY_ANOTHER_RECORD: (
        "The property needs unique values, and another record has this one; the detail names that record.",
        "Correct the value, or merge the two records in HubSpot.",
    ),
    Reason.REFUSED_BY_HUBSPOT: (
        "HubSpot refused this value; Hubwire wrote the rest of the record.",
        "Read HubSpot's message next to it, and correct the value or the property.",
    ),
}

_RETRYING: dict[Reason, tuple[str, str]] = {
    Reason.RATE_LIMITED: ("HubSpot answered that calls come too fast.", "Nothing to do: Hubwire tries again."),
    Reason.LOCKED: ("HubSpot has locked the record for a moment.", "Nothing to do: Hubwire tries again."),
    Reason.HUBSPOT_FAILED: (
        "HubSpot failed (a 5xx answer).",
        "Nothing to do: Hubwire tries again. status.hubspot.com reports outages.",
    ),
    Reason.HUBSPOT_UNREACHABLE: (
        "HubSpot did not answer: the connection was refused, reset or timed out.",
        "If this lasts, check the network between this machine and api.hubapi.com (`hubwire doctor`).",
    ),
    Reason.HUBSPOT_UNREADABLE: (
        "The answer did not come from HubSpot: HTML or a redirect instead of JSON, as a proxy sends.",
        "Check `HUBSPOT_BASE_URL` and any proxy in between.",
    ),
    Reason.FORM_UNCONFIRMED: (
        "HubSpot took a form submission and does not show its contact yet. A 200 alone proves nothing, so the message"
        " is not delivered.",
        "Nothing to do: Hubwire looks for the contact every ten seconds, for two minutes.",
    ),
    Reason.COMPANY_MAY_APPEAR: (
        "Somebody, or HubSpot itself for a new contact's e-mail domain, may have created the company seconds ago. No"
        " search shows it yet.",
        "Nothing to do: Hubwire looks for the company after a few seconds, so that no second one appears.",
    ),
    Reason.READ_WITH_NEXT: (
        "Before an import writes, Hubwire reads HubSpot's own values of 50 people a call. This person's call was not"
        " full.",
        "Nothing to do: the person is read together with the next messages of the import, within seconds.",
    ),
    Reason.COMPANIES_TOGETHER: (
        "Companies were sent seconds ago. The next ones travel together, in fewer calls.",
        "Nothing to do: the message is sent within `company_linger_seconds`.",
    ),
    Reason.RECORD_MISSING: (
        "HubSpot answered with success but did not return the record.",
        "Nothing to do: Hubwire does not count it as delivered and tries again.",
    ),
    Reason.SOURCE_PARKED: (
        "HubSpot refused 200 messages of this source in a row, and its key is public. Hubwire lets its messages wait"
        " and tries a few of them every 5 to 60 minutes. It still delivers all other sources.",
        "Read the latest dead messages of the source. If strangers use its key, revoke it; then replay or discard.",
    ),
}

_DEAD: dict[Reason, tuple[str, str]] = {
    Reason.INVALID_INPUT: (
        "HubSpot refuses the record as it is; the message page has HubSpot's answer.",
        "Correct what HubSpot names, then replay.",
    ),
    Reason.CONFLICT: (
        "Another record has the same unique value.",
        "Merge the records in HubSpot or correct the value, then replay.",
    ),
    Reason.NOT_FOUND: (
        "The record, or the API path itself, no longer exists in HubSpot.",
        "If records were deleted or merged, replay. If every call fails like this, check `HUBSPOT_BASE_URL` and"
        " `HUBSPOT_API_VERSION`.",
    ),
    Reason.MISSING_REQUIRED_PROPERTY: (
        "A rule of the HubSpot account requires a property that the message does not have.",
        "Send that property or map a trait to it, or relax the rule in HubSpot; then replay.",
    ),
    Reason.RETRIES_EXHAUSTED: (
        "Hubwire tried for as long as `retry_hours` allows, and HubSpot never accepted it.",
        "Read the last answer, fix its cause, then replay.",
    ),
    Reason.INTERNAL_ERROR: (
        "Hubwire itself failed on this message: a bug. The log has the traceback.",
        "Report it with the message page, then replay after an update.",
    ),
    Reason.OPT_OUT_FAILED: (
        "HubSpot did not take an opt-out; the detail has its words. The person may still receive e-mail.",
        "Unsubscribe the person in HubSpot now. Correct the subscription type or the legal basis in the rule, then"
        " replay the message.",
    ),
}

_STOPPED: dict[Reason, tuple[str, str]] = {
    Reason.BUDGET_SPENT: (
        "The day's calls are used up.",
        "Nothing to do: delivery resumes at the portal's midnight. Raise `calls_per_day` if HubSpot allows more.",
    ),
    Reason.MIGRATING: (
        "HubSpot is moving the account to another data centre.",
        "Nothing to do: delivery resumes when HubSpot has finished.",
    ),
    Reason.UNAUTHORISED: (
        "HubSpot does not accept the access token. Hubwire keeps every message.",
        "Set a valid token; delivery resumes where it stopped.",
    ),
    Reason.MISSING_SCOPE: (
        "The access token lacks a scope or permission. Hubwire keeps every message.",
        "Add the scope that HubSpot's answer names (`hubwire doctor` lists all); delivery resumes where it stopped.",
    ),
    Reason.KEY_NOT_UNIQUE: (
        "The company property `hubwire_domain`, Hubwire's key for companies, exists without unique values.",
        "Delete or rename the property in HubSpot; Hubwire creates it again.",
    ),
    Reason.RUN_OF_DEATHS: (
        "HubSpot refused many messages in a row, so a setting is probably wrong.",
        "Read the latest dead messages, fix the cause, resume the destination, then replay.",
    ),
    Reason.PAUSED: ("A person paused the destination. Hubwire keeps every message.", "Resume the destination."),
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
    """The cause and remedy of a reason, worded for the person who reads the message page."""
    return EXPLANATIONS[reason]


def cause_of(reason: str | None) -> str:
    """The cause of a stored reason; empty for no reason, and for one that this version does not know."""
    return EXPLANATIONS[Reason(reason)].cause if reason in set(Reason) else ""


def remedy_of(reason: str | None) -> str:
    """The remedy of a stored reason; empty as with `cause_of`."""
    return EXPLANATIONS[Reason(reason)].remedy if reason in set(Reason) else ""
