"""The API's requests and answers, in addition to the record's own structs. No answer contains an access token."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hubwire.delivery import DISCARDABLE, REPLAYABLE, State
from hubwire.destination import DEFAULTS, PROPERTY_NAME, Destination, Mapping, Source, SourceKind, Trust
from hubwire.hubspot.paths import ROOTS
from hubwire.manage import changes
from hubwire.manage.failure_groups import FailureGroup, SnoozedGroup
from hubwire.manage.replay_estimate import ReplayEstimate
from hubwire.manage.rules.defaults import DefaultRule
from hubwire.manage.schema import COMPARED_MESSAGES
from hubwire.manage.schema.plan import GROUP
from hubwire.manage.snoozing import LENGTHS
from hubwire.plan.presets import PRESETS
from hubwire.plan.rules.checks import MAX_RULES
from hubwire.plan.rules.record_checks import MAX_NAME as MAX_RULE_NAME
from hubwire.plan.rules.shape_checks import MAX_SKIP
from hubwire.reasons import Reason
from hubwire.record.latency import Latency
from hubwire.record.message_filter import FIELDS, MAX_SEARCH, MAX_TEXT, FilterField, MessageFilter, Reads
from hubwire.record.queries import AttemptSummary, Fate, LaneStatus, MessageSummary
from hubwire.record.replay import (
    MAX_SHARE_PERCENT,
    MIN_SHARE_PERCENT,
    NOTE,
    NOTE_CHARACTERS,
    SHARE_PERCENT,
    Discarded,
    Replay,
)
from hubwire.record.snoozes import SNOOZABLE
from hubwire.record.statistics import Funnel, Intake
from hubwire.registry.protocol import AuditEntry, WriteKey
from hubwire.rule import Rule
from hubwire.web.ports import DryRun


def _described(whole: re.Pattern[str] | None = None, **schema: Any) -> Meta:
    """The schema of a value that the code checks where it uses it, with a helpful error."""
    return Meta(extra_json_schema=schema if whole is None else {"pattern": f"^{whole.pattern}$", **schema})


def _between(name: str) -> Meta:
    minimum, maximum = changes.BOUNDS[name]
    return _described(minimum=minimum, maximum=maximum)


Name = Annotated[str, _described(changes.NAME)]
Key = Annotated[str, _described(changes.WRITE_KEY)]
Token = Annotated[str, _described(changes.TOKEN)]
Moment = Annotated[
    str,
    Meta(
        max_length=64,
        description="ISO-8601 time, without a zone UTC; or epoch milliseconds.",
        extra_json_schema={
            "anyOf": [{"format": "date-time"}, {"format": "date"}, {"pattern": "^[0-9]{1,15}$"}, {"maxLength": 0}]
        },
    ),
]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
LongText = Annotated[str, Meta(max_length=MAX_SEARCH)]
Share = Annotated[
    int,
    Meta(
        ge=MIN_SHARE_PERCENT,
        le=MAX_SHARE_PERCENT,
        description="Percent of the calls that HubSpot allows the destination each second.",
    ),
]


def _parameter(field: FilterField) -> tuple[str, Any, None]:
    """A filter as a parameter of the API."""
    kind: Any = Text
    match field.reads:
        case Reads.WORD:
            kind = field.choices
        case Reads.FLAG:
            kind = bool
        case Reads.NUMBER:
            kind = Annotated[int, Meta(ge=1, le=2**62)]
        case Reads.MOMENT:
            kind = Moment
        case Reads.TEXT | Reads.SOURCE | Reads.DESTINATION:
            kind = Annotated[str, Meta(max_length=field.max_length)]
    extra = WHERE_SCHEMA if field.name == "where" else None
    return field.parameter, Annotated[kind, Meta(description=field.help, extra_json_schema=extra)] | None, None


WHERE_SCHEMA = {"anyOf": [{"pattern": r"^[^=]*[^\s.=][^=]*="}, {"maxLength": 0}]}
if TYPE_CHECKING:

    class FilterQuery(msgspec.Struct, kw_only=True):
        """A filter of messages: each given parameter must match."""
else:
    FilterQuery = msgspec.defstruct("FilterQuery", [_parameter(field) for field in FIELDS], kw_only=True)


class MessagesQuery(FilterQuery, kw_only=True):
    before: Annotated[int, Meta(ge=1, le=2**62, description="Only positions below this one: the next page.")] | None = (
        None
    )
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class FilterBody(FilterQuery, kw_only=True, forbid_unknown_fields=True):
    """A filter with a state, and whether only to count."""

    state: State
    dry_run: bool = False


class ReplayBody(FilterBody, kw_only=True, forbid_unknown_fields=True):
    """A filter of the messages to replay, the replay's share of the rate, and whether only to count."""

    state: Annotated[State, _described(enum=[str(state) for state in REPLAYABLE])]
    share_percent: Share = SHARE_PERCENT


class DiscardBody(FilterBody, kw_only=True, forbid_unknown_fields=True):
    """A filter of the messages to discard, a note, and whether only to count."""

    state: Annotated[State, _described(enum=[str(state) for state in DISCARDABLE])]
    note: Annotated[
        str,
        Meta(
            max_length=NOTE_CHARACTERS, pattern=f"^{NOTE.pattern}$", description="The reason for people, in one line."
        ),
    ] = ""


class ShareBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The new share of a replay."""

    share_percent: Share


class PlanBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One Segment call. Source and destination by number or name; without them, the first ones."""

    message: dict[str, Any]
    source: Text | int | None = None
    destination: Text | int | None = None


class PlanQuery(msgspec.Struct, kw_only=True):
    message_id: LongText
    destination: Text | None = None


class WindowQuery(msgspec.Struct, kw_only=True):
    since: Moment | None = None
    until: Moment | None = None


class FunnelQuery(WindowQuery, kw_only=True):
    destination: Text | None = None


class AuditQuery(msgspec.Struct, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    before: Annotated[int, Meta(ge=1, le=2**62, description="Only entries before this time (epoch ms).")] | None = None


class SourceBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A source to add or change. An omitted field stays, or has its default."""

    name: Name | UnsetType = UNSET
    kind: SourceKind | UnsetType = UNSET
    identity_space: Annotated[str, _described(changes.SPACE)] | UnsetType = UNSET
    allowed_origins: (
        Annotated[list[Annotated[str, _described(changes.ORIGIN)]], _described(maxItems=changes.MAX_ORIGINS)]
        | UnsetType
    ) = UNSET
    device_mode: bool | UnsetType = UNSET
    is_enabled: bool | UnsetType = UNSET
    messages_per_second: Annotated[int, _between("messages_per_second")] | UnsetType | None = UNSET


class NewSource(SourceBody, kw_only=True, forbid_unknown_fields=True):
    """A source to add. Without `write_key`, Hubwire generates a key; only this answer contains it."""

    name: Name
    write_key: Key | None = None


class SourceAnswer(msgspec.Struct, kw_only=True):
    """A source and its write keys. The text of a server's key is only in the answer that creates it."""

    source: Source
    write_keys: list[WriteKey]


class MappingBody(Mapping, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole mapping. An omitted field has its default."""


KeyOfRecords = Annotated[
    dict[str, Any],
    Meta(
        description='One unique property with its value, such as `{"user_id": "$.userId"}`; empty: the default.',
        extra_json_schema={"maxProperties": 1, "propertyNames": {"pattern": f"^{PROPERTY_NAME}$"}},
    ),
]


class DestinationBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A destination to add or change. An omitted field stays, or has its default."""

    name: Name | UnsetType = UNSET
    hub_id: Annotated[str, _described(changes.HUB_ID)] | UnsetType | None = UNSET
    api_version: Annotated[str, _described(enum=list(ROOTS))] | UnsetType = UNSET
    region: Annotated[str, _described(changes.REGION)] | UnsetType = UNSET
    is_paused: bool | UnsetType = UNSET
    load_forms_sdk: bool | UnsetType = UNSET
    source_ids: list[int] | UnsetType | None = UNSET
    mapping: MappingBody | UnsetType = UNSET
    presets: list[Annotated[str, _described(enum=list(PRESETS))]] | UnsetType = UNSET
    defaults: list[Annotated[str, _described(enum=list(DEFAULTS))]] | UnsetType | None = UNSET
    contact_key: KeyOfRecords | UnsetType = UNSET
    company_key: KeyOfRecords | UnsetType = UNSET
    hold_hours: Annotated[float, _between("hold_hours")] | UnsetType = UNSET
    cookie_after_hours: Annotated[float, _between("cookie_after_hours")] | UnsetType = UNSET
    suppress_unchanged_hours: Annotated[float, _between("suppress_unchanged_hours")] | UnsetType = UNSET
    late_after_minutes: Annotated[float, _between("late_after_minutes")] | UnsetType = UNSET
    confirm_after_hours: Annotated[float, _between("confirm_after_hours")] | UnsetType = UNSET
    recheck_after_seconds: Annotated[float, _between("recheck_after_seconds")] | UnsetType = UNSET
    day_zone: (
        Annotated[str, Meta(max_length=64, description="An IANA time zone, such as Europe/Berlin.")] | UnsetType
    ) = UNSET
    future_grace_minutes: Annotated[float, _between("future_grace_minutes")] | UnsetType = UNSET
    trust: Trust | UnsetType = UNSET
    public_definitions_per_day: Annotated[int, _between("public_definitions_per_day")] | UnsetType = UNSET
    calls_per_second: Annotated[float, _between("calls_per_second")] | UnsetType | None = UNSET
    calls_per_day: Annotated[int, _between("calls_per_day")] | UnsetType | None = UNSET


class NewDestination(DestinationBody, kw_only=True, forbid_unknown_fields=True):
    """A destination to add. No answer contains the `token`."""

    name: Name
    token: Token | None = None


class DestinationAnswer(msgspec.Struct, kw_only=True):
    """A destination. `has_token` says whether it has an access token, which is never shown. `same_hub` are the names of
    the other destinations of its portal: they share its call limits, and a source that feeds several is delivered to
    each."""

    destination: Destination
    has_token: bool
    same_hub: list[str]


RuleName = Annotated[str, _described(minLength=1, maxLength=MAX_RULE_NAME)]
Position = Annotated[int, Meta(ge=1, le=MAX_RULES, description="The place among the rules; 1 is the first.")]


class RuleBody(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A rule. An omitted field has its default."""

    name: RuleName
    trigger: Annotated[str, _described(minLength=1)]
    skip: Annotated[str, _described(minLength=1, maxLength=MAX_SKIP)] | None = None
    event: Annotated[str, _described(minLength=1, maxLength=MAX_RULE_NAME)] | None = None


class NewRule(RuleBody, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A rule to add, last or at `position`."""

    position: Position | None = None


class RuleChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The new switch or position of a rule."""

    enabled: bool | UnsetType = UNSET
    position: Position | UnsetType = UNSET


class RulesBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """All rules of a destination, in their order; others are removed."""

    rules: Annotated[list[RuleBody], _described(maxItems=MAX_RULES)]


class RulesAnswer(msgspec.Struct, kw_only=True):
    """The rules of a destination in their order. Read-only: the rules of its presets, and its default behaviour listed
    as rules."""

    rules: list[Rule]
    preset_rules: list[Rule]
    defaults: list[DefaultRule]


class RuleTestBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A message, or the id of a stored one, and a rule that need not be stored. It takes the place of the stored rule
    of its name. Source by number or name; without it, the first one."""

    message: dict[str, Any] | None = None
    message_id: LongText | None = None
    rule: RuleBody | None = None
    source: Text | int | None = None


Compared = Annotated[int, Meta(ge=1, le=50_000, description="How many of the newest messages to compare.")]


class SchemaQuery(msgspec.Struct, kw_only=True):
    messages: Compared = COMPARED_MESSAGES


class SchemaBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The properties and events to create. `items`: names such as `contact:plan` or `event:signed_up`; null: all except
    those that only public keys have sent. `group`: the property group for them."""

    messages: Compared = COMPARED_MESSAGES
    group: Annotated[str, _described(pattern=f"^({GROUP.pattern})?$")] = ""
    items: list[str] | None = None


class TokenBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An access token, stored encrypted; null removes it."""

    token: Token | None


class WriteKeyBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A write key of your choice; without it, Hubwire generates one."""

    write_key: Key | None = None


class Status(msgspec.Struct, kw_only=True):
    """Every lane. `is_drained`: nothing is left to do until a message arrives, a person acts or a hold ends."""

    version: str
    is_sandbox: bool
    is_drained: bool
    lanes: list[LaneStatus]
    first_position: int
    last_position: int


class MessageList(msgspec.Struct, kw_only=True):
    """A page of messages. `before` is the parameter of the next page; null on the last."""

    messages: list[MessageSummary]
    before: int | None


class ApiAttempt(AttemptSummary, kw_only=True):
    """One call to HubSpot with its answer. Bodies that are JSON are decoded."""

    request: Any
    response: Any


class ApiMessage(msgspec.Struct, kw_only=True):
    """One message with its content, outcomes and calls."""

    summary: MessageSummary
    fates: list[Fate]
    body: Any
    envelope: Any
    attempts: list[ApiAttempt]


class MessageAnswer(msgspec.Struct, kw_only=True):
    """Every message with this id; several sources can use the same id."""

    messages: list[ApiMessage]


class DiscardAnswer(msgspec.Struct, kw_only=True):
    """The number of matching messages, and of the discarded ones (null with dry_run)."""

    count: int
    discarded: Discarded | None
    wanted: MessageFilter


class ReplayAnswer(msgspec.Struct, kw_only=True):
    """The number of matching messages, and the new replay; with dry_run, the estimated cost instead."""

    count: int
    estimate: ReplayEstimate | None = None
    replay: Replay | None
    wanted: MessageFilter


class GroupBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A group of failures. The destination by number or name; without it, the only one."""

    state: Annotated[State, _described(enum=[str(state) for state in SNOOZABLE])]
    reason: Reason
    destination: Text | int | None = None


class SnoozeBody(GroupBody, kw_only=True, forbid_unknown_fields=True):
    """A group and its time: `for` 1h, 24h or 7d, or `until` a time."""

    length: Annotated[str, _described(enum=list(LENGTHS))] | None = msgspec.field(default=None, name="for")
    until: Moment | None = None


class WakeAnswer(msgspec.Struct, kw_only=True):
    """`is_woken` is false if the group was not snoozed."""

    is_woken: bool


class Failures(msgspec.Struct, kw_only=True):
    """The groups of failures, and the snoozed groups."""

    failures: list[FailureGroup]
    snoozed: list[SnoozedGroup]


class Sources(msgspec.Struct, kw_only=True):
    sources: list[SourceAnswer]


class Destinations(msgspec.Struct, kw_only=True):
    destinations: list[DestinationAnswer]


class Replays(msgspec.Struct, kw_only=True):
    replays: list[Replay]


class AuditLog(msgspec.Struct, kw_only=True):
    entries: list[AuditEntry]


class IntakeList(msgspec.Struct, kw_only=True):
    sources: list[Intake]


class PlanAnswer(msgspec.Struct, kw_only=True):
    destination_id: int
    plan: DryRun


class FunnelAnswer(msgspec.Struct, kw_only=True):
    """The stages, which add up to `received`. `waits`: delivery times of sampled live messages, or null."""

    funnel: Funnel
    waits: Latency | None
