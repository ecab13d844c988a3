"""Encodes request bodies and decodes answers of the calls that deliver. Pure, and the hot path.

`definitions` has the calls of set-up (schema, definitions, account). An answer is first decoded strictly, which is
fast, and leniently if HubSpot's JSON differs from its documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from hubwire.hubspot.call import BatchInput
from hubwire.operation import SendEvent

_encode = msgspec.json.Encoder().encode

SEARCH_PAGE = 200
"""Results of one search page. Source: HubSpot docs, search guide."""
ADDITIONAL_DOMAINS = "hs_additional_domains"
MAX_TOKEN_DOMAINS = 2
"""The filters that a search for companies has room for: five groups, of which three are taken."""
KEY_PROPERTY = "hubwire_domain"
"""Our own unique property of companies: the domain by which Hubwire knows one."""


class _ObjectInput(msgspec.Struct, rename="camel", omit_defaults=True):
    id: str
    properties: Mapping[str, str]
    object_write_trace_id: str
    id_property: str | None = None


class _Id(msgspec.Struct):
    id: str


class _Pair(msgspec.Struct, rename={"from_": "from"}):
    from_: _Id
    to: _Id


class _Inputs(msgspec.Struct):
    inputs: list[Any]


class Warned(msgspec.Struct):
    """HubSpot's change to a value that it accepted (2026-09: dates that were not canonical)."""

    category: str = ""
    message: str = ""
    context: dict[str, list[str]] = {}


class WrittenRecord(msgspec.Struct, rename="camel"):
    """One record in a batch or search answer. `properties` has HubSpot's current values."""

    id: str
    new: bool = False
    properties: dict[str, str | None] = {}
    object_write_trace_id: str | None = None
    warnings: list[Warned] | None = None


class BatchAnswer(msgspec.Struct, rename="camel"):
    """A batch answer, good or mixed. `errors` are for `errors.problem_of`."""

    results: list[WrittenRecord] = []
    errors: list[Any] | None = None


class FoundCompany(NamedTuple):
    """A company that a search found: its domains, and our key if it has one."""

    record_id: str
    domain: str
    additional: list[str]
    key: str | None = None


class _End(msgspec.Struct, frozen=True):
    id: str = ""


class LinkedPair(
    msgspec.Struct, rename={"from_": "from", "from_object_id": "fromObjectId", "to_object_id": "toObjectId"}
):
    """One association that exists now. HubSpot may show it from either side.

    Shape: default associations have `from` and `to`, labelled ones `fromObjectId` and `toObjectId`.
    """

    from_: _End = _End()
    to: _End = _End()
    from_object_id: int | str = ""
    to_object_id: int | str = ""

    @property
    def ids(self) -> tuple[str, str]:
        """The ids of both records."""
        return self.from_.id or str(self.from_object_id), self.to.id or str(self.to_object_id)


class PairsAnswer(msgspec.Struct):
    """The answer to a batch of associations."""

    results: list[LinkedPair] = []
    errors: list[Any] | None = None


_batch = msgspec.json.Decoder(BatchAnswer).decode
_pairs = msgspec.json.Decoder(PairsAnswer).decode


# -- requests


def upsert_objects(inputs: Sequence[BatchInput], *, id_property: str) -> bytes:
    """The body of a batch upsert keyed by `id_property`.

    Shape: every input carries its own objectWriteTraceId, so that a bad one gives 207 and not a lost batch (HubSpot
    docs, batch guide; seen on upsert by third parties).
    """
    return _encode(
        _Inputs([_ObjectInput(record.key, record.properties, record.trace, id_property) for record in inputs])
    )


def update_objects(inputs: Sequence[BatchInput]) -> bytes:
    """The body of a batch update; keys are record ids."""
    return _encode(_Inputs([_ObjectInput(record.key, record.properties, record.trace) for record in inputs]))


def associate_default(pairs: Iterable[tuple[str, str]]) -> bytes:
    """The body of a batch of default associations: (from record id, to record id)."""
    return _encode(_Inputs([_Pair(_Id(from_id), _Id(to_id)) for from_id, to_id in pairs]))


class AssociationLabel(NamedTuple):
    """An association type of HubSpot."""

    category: str
    type_id: int


PRIMARY_COMPANY = AssociationLabel("HUBSPOT_DEFINED", 1)
"""Contact to its primary company. Source: HubSpot's associations guide, type ids."""


PRIMARY_TYPES: dict[tuple[str, str], int] = {
    ("deal", "company"): 5,
    ("ticket", "company"): 26,
    ("order", "company"): 509,
    ("lead", "contact"): 578,
    ("lead", "company"): 580,
    ("lead", "deal"): 582,
}
"""The types of primary associations, by the object types of both ends. Source: HubSpot's associations guide."""


def create_objects(
    inputs: Iterable[tuple[BatchInput, Sequence[tuple[str, AssociationLabel]]]],
) -> bytes:
    """The body of a batch create: inputs, each with the record ids that it is associated with."""
    return _encode(
        {
            "inputs": [
                {
                    "properties": record.properties,
                    "associations": [
                        {"to": {"id": record_id}, "types": [_spec(label)]} for record_id, label in associated
                    ],
                    "objectWriteTraceId": record.trace,
                }
                for record, associated in inputs
            ]
        }
    )


def archive_objects(ids: Iterable[str]) -> bytes:
    """The body of a batch archive."""
    return _encode(_Inputs([_Id(record_id) for record_id in ids]))


def _spec(label: AssociationLabel) -> dict[str, Any]:
    return {"associationCategory": label.category, "associationTypeId": label.type_id}


def associate_labelled(
    pairs: Iterable[tuple[str, str, Sequence[AssociationLabel]]],
    unlabelled: AssociationLabel | None,
) -> bytes:
    """The body of a batch of labelled associations: (from record id, to record id, types).

    Shape: the unlabelled type goes along, because HubSpot replaces the labels of a pair by those of the call.
    """
    always = () if unlabelled is None else (unlabelled,)
    return _encode(
        {
            "inputs": [
                {
                    "from": {"id": from_id},
                    "to": {"id": to_id},
                    "types": [_spec(label) for label in (*always, *types)],
                }
                for from_id, to_id, types in pairs
            ]
        }
    )


def archive_associations(pairs: Iterable[tuple[str, str]]) -> bytes:
    """The body of a batch that removes associations with all their labels: (from record id, to record id)."""
    inputs: dict[str, list[dict[str, str]]] = {}
    for from_id, to_id in pairs:
        inputs.setdefault(from_id, []).append({"id": to_id})
    return _encode({"inputs": [{"from": {"id": from_id}, "to": to} for from_id, to in inputs.items()]})


def send_events(occurrences: Iterable[tuple[BatchInput, SendEvent]]) -> bytes:
    """The body of a batch of event occurrences.

    Shape: an input's key is the event's full name (`pe123_x`), its properties are those that HubSpot gets; who and
    when comes from the operation.
    """
    return _encode(_Inputs([_occurrence(sent, event) for sent, event in occurrences]))


def _occurrence(sent: BatchInput, event: SendEvent) -> dict[str, Any]:
    occurrence = {
        "eventName": sent.key,
        "properties": sent.properties,
        "uuid": event.uuid,
        "occurredAt": iso_utc(event.occurred_at_ms),
    }
    if event.object_id is not None:
        occurrence["objectId"] = event.object_id
    elif event.email is not None:
        occurrence["email"] = event.email
    if event.utk is not None:
        occurrence["utk"] = event.utk
    return occurrence


def search_companies(
    domains: Sequence[str],
    properties: Sequence[str] = ("domain",),
    *,
    with_additional: bool = False,
    key_property: str | None = None,
) -> bytes:
    """The body of one search for companies by domain, oldest first.

    Shape: domains are lower-cased, as IN demands; the caller keeps the body under 3,000 characters.
    `with_additional` also finds companies that have one of the domains beside their primary one; `key_property` those
    that have it as our own key, whatever their domain is now. One or two domains are also looked for as one of several
    additional domains; a search has no room for more filters.
    Source: HubSpot docs, search guide; other integrations filter `hs_additional_domains` by CONTAINS_TOKEN.
    """
    values = [domain.lower() for domain in domains]
    names = ["domain", *([ADDITIONAL_DOMAINS] if with_additional else ()), *([key_property] if key_property else ())]
    filters: list[dict[str, Any]] = [{"propertyName": name, "operator": "IN", "values": values} for name in names]
    if with_additional and len(values) <= MAX_TOKEN_DOMAINS:
        filters += [
            {"propertyName": ADDITIONAL_DOMAINS, "operator": "CONTAINS_TOKEN", "value": value} for value in values
        ]
    return _encode(
        {
            "filterGroups": [{"filters": [condition]} for condition in filters],
            "sorts": [{"propertyName": "createdate", "direction": "ASCENDING"}],
            "properties": list(dict.fromkeys([*properties, *names])),
            "limit": SEARCH_PAGE,
        }
    )


def search_by_values(name: str, values: Sequence[str], shown: Sequence[str]) -> bytes:
    """The body of a search for the records with one of these values of a property.

    Shape: values are lower-cased, as IN demands; the caller keeps the body under 3,000 characters.
    Source: HubSpot docs, search guide.
    """
    condition = {"propertyName": name, "operator": "IN", "values": [value.lower() for value in values]}
    properties = list(dict.fromkeys([name, *shown]))
    return _encode({"filterGroups": [{"filters": [condition]}], "properties": properties, "limit": SEARCH_PAGE})


def search_with_property(name: str) -> bytes:
    """The body of a search that counts the records with a value of this property."""
    has_value = {"filters": [{"propertyName": name, "operator": "HAS_PROPERTY"}]}
    return _encode({"filterGroups": [has_value], "properties": [name], "limit": 1})


def iso_utc(at_ms: int) -> str:
    """Epoch milliseconds in HubSpot's format for a moment: `2026-11-23T08:15:00.123Z`."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


# -- answers


def read_batch(body: bytes) -> BatchAnswer | None:
    """A batch answer, or None when the body is not one. Results stand in HubSpot's order, which is not the inputs'."""
    try:
        return _batch(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raw = _object(body)
    if raw is None:
        return None
    return BatchAnswer(
        results=[record for entry in _list(raw.get("results")) if (record := _record(entry)) is not None],
        errors=_list(raw.get("errors")),
    )


def read_pairs(body: bytes) -> PairsAnswer | None:
    """The answer to a batch of associations, or None when the body is not one."""
    try:
        return _pairs(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raw = _object(body)
    if raw is None:
        return None
    return PairsAnswer(
        results=[_linked(entry) for entry in _list(raw.get("results")) if isinstance(entry, dict)],
        errors=_list(raw.get("errors")),
    )


def found_companies(body: bytes) -> list[tuple[str, str]]:
    """(domain, record id) of the companies that a search found, in its order; domains lower-cased."""
    answer = read_batch(body)
    companies = answer.results if answer else []
    return [(domain.lower(), company.id) for company in companies if (domain := company.properties.get("domain"))]


def found_domains(body: bytes) -> list[FoundCompany]:
    """The companies that a search found, in its order; domains lower-cased."""
    answer = read_batch(body)
    companies = answer.results if answer else []
    return [
        FoundCompany(
            record.id,
            (record.properties.get("domain") or "").lower(),
            [domain.lower() for domain in (record.properties.get(ADDITIONAL_DOMAINS) or "").split(";") if domain],
            record.properties.get(KEY_PROPERTY) or None,
        )
        for record in companies
    ]


def association_labels(body: bytes) -> dict[str, AssociationLabel]:
    """The labels of an object pair by their text and as `CATEGORY:id`, both in lower case; the type without a label is
    under ""."""
    raw = _object(body) or {}
    found: dict[str, AssociationLabel] = {}
    for entry in _list(raw.get("results")):
        if isinstance(entry, dict) and isinstance(entry.get("typeId"), int):
            known = AssociationLabel(_text(entry.get("category")), entry["typeId"])
            found.setdefault(_text(entry.get("label")).strip().casefold(), known)
            found[f"{known.category}:{known.type_id}".casefold()] = known
    return found


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return raw if isinstance(raw, dict) else None


def _record(entry: object) -> WrittenRecord | None:
    if not isinstance(entry, dict) or not _text(entry.get("id")):
        return None
    properties = entry.get("properties")
    trace = _text(entry.get("objectWriteTraceId"))
    return WrittenRecord(
        id=_text(entry["id"]),
        new=entry.get("new") is True,
        properties={str(name): _text(value) for name, value in properties.items()}
        if isinstance(properties, dict)
        else {},
        object_write_trace_id=trace or None,
    )


def _linked(entry: Mapping[str, Any]) -> LinkedPair:
    ends = [entry.get(side) for side in ("from", "to")]
    from_, to = (_End(_text(end.get("id")) if isinstance(end, dict) else _text(end)) for end in ends)
    return LinkedPair(from_, to, _text(entry.get("fromObjectId")), _text(entry.get("toObjectId")))


def _list(raw: object) -> list[Any]:
    return raw if isinstance(raw, list) else []


def _text(raw: object) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return raw if isinstance(raw, str) else "" if raw is None or isinstance(raw, dict | list) else str(raw)
