"""Search over records as the index has them: some seconds behind the writes.

Source: HubSpot docs, search guide (operators, 5 groups, 6 filters a group, 18 in all, 200 a page, 10,000 results, 3,000
characters); the index lag was observed live by third parties.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from hubwire.emulator.moments import parse_moment
from hubwire.emulator.store.objects.records import ObjectStore, Record
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Reply, Request, decode, invalid, json_reply, whole_number

MAX_BODY = 3_000
MAX_GROUPS = 5
MAX_FILTERS = 6
MAX_ALL_FILTERS = 18
MAX_PAGE = 200
MAX_RESULTS = 10_000

Values = Mapping[str, str]
Test = Callable[[Values], bool]


class Filter(msgspec.Struct, rename="camel"):
    """One condition on one property."""

    property_name: str
    operator: str
    value: str | int | float | bool | None = None
    values: list[str | int | float] | None = None
    high_value: str | int | float | None = None


class FilterGroup(msgspec.Struct):
    """Conditions that must all hold."""

    filters: list[Filter] = []


class Sort(msgspec.Struct, rename="camel"):
    """An order."""

    property_name: str
    direction: str = "ASCENDING"


class SearchBody(msgspec.Struct, rename="camel"):
    """A search; groups are alternatives."""

    filter_groups: list[FilterGroup] = []
    filters: list[Filter] = []
    sorts: list[Sort | str] = []
    query: str | None = None
    properties: list[str] = []
    limit: int | str = 10
    after: str | int | None = None


_body = msgspec.json.Decoder(SearchBody)

_QUERY_FIELDS = {
    "contacts": ("email", "firstname", "lastname", "phone", "company", "hs_additional_emails"),
    "companies": ("name", "domain", "website", "phone"),
}


def search(portal: Portal, request: Request) -> Reply:
    """`POST …/search`: a page of what matches, in record order unless sorted."""
    store = portal.store(request.params["objectType"])
    if len(request.body) > MAX_BODY and len(request.body.decode("utf-8", "replace")) > MAX_BODY:
        raise invalid(f"The search request body must not exceed {MAX_BODY} characters")
    body = decode(_body, request.body)
    groups = [FilterGroup(body.filters), *body.filter_groups] if body.filters else body.filter_groups
    limit = _limit(body.limit)
    _check_shape(body, groups)
    matches = _matching(portal, store, body, groups)
    start = _start(body.after)
    if start + limit > MAX_RESULTS:
        raise invalid(f"Search results are limited to {MAX_RESULTS}")
    page = matches[start : start + limit]
    answer: dict[str, Any] = {
        "total": len(matches),
        "results": [_shown(store, record, values, body.properties) for record, values in page],
    }
    if start + len(page) < len(matches):
        answer["paging"] = {"next": {"after": str(start + len(page))}}
    return json_reply(200, answer)


def _shown(store: ObjectStore, record: Record, values: Values, names: list[str]) -> dict[str, Any]:
    everything = {**store.computed(record), **values}
    return store.shown(record, {name: everything.get(name) for name in store.view(record, names)})


def _check_shape(body: SearchBody, groups: list[FilterGroup]) -> None:
    if len(groups) > MAX_GROUPS:
        raise invalid(f"The maximum number of filter groups is {MAX_GROUPS}")
    if any(len(group.filters) > MAX_FILTERS for group in groups):
        raise invalid(f"The maximum number of filters in a filter group is {MAX_FILTERS}")
    if sum(len(group.filters) for group in groups) > MAX_ALL_FILTERS:
        raise invalid(f"The maximum number of filters is {MAX_ALL_FILTERS}")
    if len(body.sorts) > 1:
        raise invalid("Only one sort is supported")


def _limit(given: int | str) -> int:
    """The size of a page; a number as text is accepted (recorded)."""
    limit = whole_number(given) if isinstance(given, str) else given
    if limit is None or not 0 <= limit <= MAX_PAGE:
        raise invalid(f"The maximum number of results per page is {MAX_PAGE}")
    return limit


def _matching(
    portal: Portal, store: ObjectStore, body: SearchBody, groups: list[FilterGroup]
) -> list[tuple[Record, Values]]:
    alternatives = [[_test(store, condition) for condition in group.filters] for group in groups]
    words = (body.query or "").lower().split()
    fields = _QUERY_FIELDS.get(store.name, tuple(store.schema.rules))
    named = {condition.property_name for group in groups for condition in group.filters}
    named.update(sort.property_name if isinstance(sort, Sort) else sort for sort in body.sorts)
    needs_computed = not named.isdisjoint(store.computed_names)
    matches: list[tuple[Record, Values]] = []
    for record, stored in store.searchable(portal.clock.now_ms()):
        values = {**store.computed(record), **stored} if needs_computed else stored
        if words and not _has_words(values, fields, words):
            continue
        if not alternatives or any(all(test(values) for test in tests) for tests in alternatives):
            matches.append((record, values))
    for sort in body.sorts:
        matches.sort(key=_sort_key(store, sort), reverse=isinstance(sort, Sort) and sort.direction == "DESCENDING")
    return matches


def _sort_key(store: ObjectStore, sort: Sort | str) -> Callable[[tuple[Record, Values]], Any]:
    name = sort.property_name if isinstance(sort, Sort) else sort
    as_number = _is_ordered(store, name)
    return lambda match: _ordered(match[1].get(name)) if as_number else match[1].get(name, "")


def _has_words(values: Values, fields: tuple[str, ...], words: list[str]) -> bool:
    text = " ".join(values.get(name, "") for name in fields).lower()
    return all(word in text for word in words)


def _start(after: str | int | None) -> int:
    if after in (None, ""):
        return 0
    start = whole_number(str(after))
    if start is None:
        raise invalid(f"after must be a number, not {str(after)[:100]}")
    return start


def _test(store: ObjectStore, condition: Filter) -> Test:
    name = condition.property_name
    if name not in store.schema.rules:
        raise invalid(f"There was a problem with the request: property {name} does not exist")
    make = _OPERATORS.get(condition.operator)
    if make is None:
        raise invalid(f"Invalid operator {condition.operator}")
    return make(store, name, condition)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str("" if value is None else value)


def _fold(store: ObjectStore, name: str) -> Callable[[str], str]:
    is_exact = store.schema.live[name].type == "enumeration"
    return (lambda text: text) if is_exact else str.lower


def _eq(store: ObjectStore, name: str, condition: Filter) -> Test:
    fold = _fold(store, name)
    value = fold(_plain(condition.value))
    return lambda values: name in values and fold(values[name]) == value


def _in(store: ObjectStore, name: str, condition: Filter) -> Test:
    # HubSpot demands lower-case values for strings here: an upper-case one never matches (HubSpot docs, search guide).
    # That a checkbox list matches by any of its options is chosen.
    fold = _fold(store, name)
    allowed = {_plain(value) for value in condition.values or ()}
    if store.schema.live[name].field_type == "checkbox":
        return lambda values: not allowed.isdisjoint(values.get(name, "").split(";"))
    return lambda values: name in values and fold(values[name]) in allowed


def _negated(make: Callable[[ObjectStore, str, Filter], Test]) -> Callable[[ObjectStore, str, Filter], Test]:
    def negated(store: ObjectStore, name: str, condition: Filter) -> Test:
        test = make(store, name, condition)
        return lambda values: not test(values)

    return negated


def _has(_store: ObjectStore, name: str, _condition: Filter) -> Test:
    return lambda values: bool(values.get(name))


def _contains(_store: ObjectStore, name: str, condition: Filter) -> Test:
    pattern = _plain(condition.value).lower()
    starts, ends = pattern.startswith("*"), pattern.endswith("*")
    core = pattern.strip("*")

    def matches(token: str) -> bool:
        if starts and ends:
            return core in token
        if starts or ends:
            return token.endswith(core) if starts else token.startswith(core)
        return token == core

    def test(values: Values) -> bool:
        text = values.get(name, "").lower()
        for separator in ";,@":
            text = text.replace(separator, " ")
        return any(matches(token) for token in [*text.split(), *values.get(name, "").lower().split(";")] if token)

    return test


def _is_ordered(store: ObjectStore, name: str) -> bool:
    definition = store.schema.live.get(name)
    return definition is not None and definition.type in ("number", "date", "datetime")


def _ordered(value: str | None) -> float:
    if not value:
        return float("-inf")
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return float(parse_moment(value))
    except ValueError:
        return float("-inf")


def _compares(judge: Callable[[Any, Any], bool]) -> Callable[[ObjectStore, str, Filter], Test]:
    def make(store: ObjectStore, name: str, condition: Filter) -> Test:
        if not _is_ordered(store, name):
            text = _plain(condition.value).lower()
            return lambda values: name in values and judge(values[name].lower(), text)
        bound = _ordered(_plain(condition.value))
        return lambda values: name in values and judge(_ordered(values[name]), bound)

    return make


def _between(store: ObjectStore, name: str, condition: Filter) -> Test:
    low = _OPERATORS["GTE"](store, name, condition)
    high = _OPERATORS["LTE"](store, name, Filter(name, "LTE", condition.high_value))
    return lambda values: low(values) and high(values)


_OPERATORS: dict[str, Callable[[ObjectStore, str, Filter], Test]] = {
    "EQ": _eq,
    "NEQ": _negated(_eq),
    "IN": _in,
    "NOT_IN": _negated(_in),
    "HAS_PROPERTY": _has,
    "NOT_HAS_PROPERTY": _negated(_has),
    "CONTAINS_TOKEN": _contains,
    "NOT_CONTAINS_TOKEN": _negated(_contains),
    "LT": _compares(lambda value, bound: value < bound),
    "LTE": _compares(lambda value, bound: value <= bound),
    "GT": _compares(lambda value, bound: value > bound),
    "GTE": _compares(lambda value, bound: value >= bound),
    "BETWEEN": _between,
}
