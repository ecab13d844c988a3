"""The converter of a property, and the values of choices (HubSpot's enumerations), single or as checkboxes.

A value matches an option by HubSpot's internal value, then by label, then without case and punctuation, so that a
person's own wording ("Computer Software") matches the option (`COMPUTER_SOFTWARE`).
Source: HubSpot properties guide (enumeration; `a;b` for several, a `;` in front adds to what is there).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, tzinfo
from typing import NamedTuple

from hubwire.plan.conversion.names import compressed
from hubwire.plan.conversion.values import BLANK, BY_TYPE, Converted, Converter, Partial, Refusal, date_in, text
from hubwire.reasons import Reason
from hubwire.schema import PropertyDefinition

MAX_NAMED = 3
MAX_SHOWN = 60
MAX_OPTIONS = 1_000
"""Options of a property beyond which rules add no more. Chosen; HubSpot's own limit is higher."""
MAX_OPTION = 100


def converter(definition: PropertyDefinition, day_zone: tzinfo = UTC) -> Converter:
    """The converter for a property. Types that HubSpot may add later are sent as text. `day_zone`: `values.date_in`."""
    if definition.type == "enumeration":
        return _choice(definition)
    if definition.type == "date":
        return date_in(day_zone)
    return BY_TYPE.get(definition.type, text)


class NewValue(NamedTuple):
    """A value of a property that the portal lacks, and the HubSpot type for the property."""

    text: str
    kind: str


class NewOption(NamedTuple):
    """A value with options that the property lacks. `refusal`: what counts where they may not be added."""

    text: str
    options: tuple[str, ...]
    refusal: Refusal


def with_new_options(definition: PropertyDefinition, convert: Converter) -> Callable[[object], Converted | NewOption]:
    """A converter that takes values without an option as new options, as long as the property has room."""

    def convert_or_add(value: object) -> Converted | NewOption:
        converted = convert(value)
        refusal = converted.refusal if isinstance(converted, Partial) else converted
        if not isinstance(refusal, Refusal) or refusal.reason is not Reason.NOT_AN_OPTION:
            return converted
        items = _items(value) if definition.is_multiple else [value]
        written = [(convert(item), text(item)) for item in items]
        new = [plain for known, plain in written if isinstance(known, Refusal)]
        if len(definition.options or ()) + len(new) > MAX_OPTIONS or not all(map(_may_be_option, new)):
            return converted
        options = tuple(str(option) for option in dict.fromkeys(new))
        values = [str(plain if isinstance(known, Refusal) else known) for known, plain in written]
        return NewOption(";".join(dict.fromkeys(values)), options, refusal)

    return convert_or_add


def _items(value: object) -> list[object]:
    if isinstance(value, str):
        return [item for item in value.split(";") if item.strip()]
    return value if isinstance(value, list) else [value]


def _may_be_option(option: Converted) -> bool:
    return isinstance(option, str) and 0 < len(option) <= MAX_OPTION and ";" not in option


def _choice(definition: PropertyDefinition) -> Converter:
    """A converter that matches options by value, then by label, then without case and punctuation."""
    if definition.options is None:
        return text
    exact = {option: option for option in definition.options}
    loose: dict[str, str] = {}
    for option in sorted(definition.options):
        loose.setdefault(compressed(option), option)
    for label, option in definition.option_labels.items():
        exact.setdefault(label, option)
        loose.setdefault(compressed(label), option)
    refusal = Refusal(Reason.NOT_AN_OPTION, f"none of the {len(definition.options)} options")

    def convert(value: object) -> Converted:
        written = text(value)
        if type(written) is not str or not written:
            return written
        known = exact.get(written) or exact.get(written.lower()) or loose.get(compressed(written))
        return known if known is not None else refusal

    def single(value: object) -> Converted:
        return convert(value[0]) if type(value) is list and len(value) == 1 else convert(value)

    def several(value: object) -> Converted:
        return _options_of(value, convert, refusal)

    return several if definition.is_multiple else single


def _options_of(value: object, convert: Converter, refusal: Refusal) -> Converted:
    """`a;b` from a list or a text with `;`. A leading `;` (HubSpot: add to the current options) stays."""
    if type(value) is str:
        if not value.strip():
            return BLANK if value else ""
        prefix = ";" if value.strip()[0] == ";" else ""
        items: list[object] = [x for x in value.split(";") if x.strip()]
    elif type(value) is list:
        prefix, items = "", value
    else:
        return convert(value)
    converted = [convert(item) for item in items]
    good = list(dict.fromkeys(x for x in converted if type(x) is str and x))
    if len(good) < len(converted) and (not good or any(x == refusal for x in converted)):
        failed = [item for item, x in zip(items, converted, strict=True) if x == refusal]
        named = Refusal(refusal.reason, f"{_shown(failed)}: {refusal.detail}") if failed else refusal
        return Partial(prefix + ";".join(good), named) if good else named
    return prefix + ";".join(good)


def _shown(values: list[object]) -> str:
    """The first values of a list in quotes: `'dance', 'golf' and 2 more`."""
    names = list(dict.fromkeys(map(_in_quotes, values)))
    return ", ".join(names[:MAX_NAMED]) + (f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else "")


def _in_quotes(value: object) -> str:
    if isinstance(value, str) and len(value) > MAX_SHOWN:
        return f"{value[:MAX_SHOWN]!r}..."
    return repr(value)[:MAX_SHOWN]
