"""Options that choose messages, made from the fields of `MessageFilter`, so that every command has the same ones."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any

import msgspec
import typer

from hubwire.clock import SystemClock
from hubwire.record.message_filter import FIELDS, FilterField, MessageFilter, Reads
from hubwire.registry.protocol import Registry
from hubwire.web.parameters import message_filter

AGO = re.compile(r"(\d{1,6})([smhdw])")
UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

Chosen = Mapping[str, str]
"""The given options as texts, by parameter."""
DestinationOption = Annotated[str | None, typer.Option(help="Only deliveries to this destination, by number or name.")]


def with_filters(*, without: Collection[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command an option for each field of a filter. Its first parameter receives the given options.

    Shape: `without` names fields without an option, or with the command's own option.
    """
    fields = [field for field in FIELDS if field.name not in without]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in list(signature.parameters.values())[1:]
        ]

        @functools.wraps(command)
        def run(**values: Any) -> None:
            texts = {field.parameter: values.pop(field.name) for field in fields}
            command({name: _text(value) for name, value in texts.items() if value is not None}, **values)

        required = [parameter for parameter in own if parameter.default is parameter.empty]
        others = [parameter for parameter in own if parameter.default is not parameter.empty]
        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [*required, *(_parameter(field) for field in fields), *others]
        )
        run.__annotations__ = {}
        return run

    return decorate


def chosen(registry: Registry, options: Chosen, limit: int | None = None) -> MessageFilter:
    """The filter that the options make. Errors: BadValue, naming the option."""
    chosen_filter = message_filter(absolute(options, SystemClock().now_ms()), registry)
    return chosen_filter if limit is None else msgspec.structs.replace(chosen_filter, limit=limit)


def absolute(options: Chosen, now_ms: int) -> Chosen:
    """The options with lengths of time such as `2h` or `30m` as moments before now, in epoch milliseconds."""
    lengths = {field.parameter for field in FIELDS if field.reads is Reads.MOMENT}
    return {
        name: str(now_ms - int(found[1]) * UNITS_MS[found[2]])
        if name in lengths and (found := AGO.fullmatch(value))
        else value
        for name, value in options.items()
    }


def _parameter(field: FilterField) -> inspect.Parameter:
    names = [f"--{field.option}"]
    ago = " Or a length of time before now: 2h, 30m, 7d." if field.reads is Reads.MOMENT else ""
    settings: dict[str, Any] = {"help": field.help + ago}
    kind: Any = str
    match field.reads:
        case Reads.WORD:
            kind = field.choices
            if len(list(kind)) > 20:
                settings["metavar"] = field.parameter.upper()
        case Reads.NUMBER:
            kind, settings["min"] = int, 1
        case Reads.FLAG:
            kind, names = bool, [f"--{field.option}/--not-{field.option}"]
        case Reads.TEXT | Reads.SOURCE | Reads.DESTINATION | Reads.MOMENT:
            pass
    annotation = Annotated[kind | None, typer.Option(*names, **settings)]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
