"""The settings as rows for people: name, environment variable, value, default, bounds, help. Secrets are masked."""

from __future__ import annotations

import re
from typing import Any, get_args, get_origin

import msgspec
from msgspec import Meta

from hubwire.secret import Secret
from hubwire.settings import Settings, env_name

_PASSWORD = re.compile(r"(://[^:/@\s]*):[^@\s]*@")
UNSET_WORD = "none"
SECRET_TEXTS = frozenset({"write_key"})
"""Plain texts that are secrets all the same."""


class SettingRow(msgspec.Struct, kw_only=True, frozen=True):
    """One setting. `value` and `default` as they would be written."""

    name: str
    env: str
    type: str
    value: str
    default: str
    bounds: str
    help: str
    is_secret: bool


def settings_table(settings: Settings) -> list[SettingRow]:
    """One row per setting, in the order of `settings.py`."""
    return [
        SettingRow(
            name=field.name,
            env=env_name(field.name),
            type=_type(field.type),
            value=_masked(field.name, getattr(settings, field.name)),
            default=_shown(field.default),
            bounds=_bounds(field.type),
            help=_meta(field.type, "description") or "",
            is_secret="Secret" in str(field.type) or field.name in SECRET_TEXTS,
        )
        for field in msgspec.structs.fields(Settings)
    ]


def _masked(name: str, value: object) -> str:
    return "***" if name in SECRET_TEXTS and value else _shown(value)


def _shown(value: object) -> str:
    match value:
        case None | () | msgspec.NODEFAULT:
            return UNSET_WORD
        case Secret():
            return "***"
        case bool():
            return "true" if value else "false"
        case tuple():
            return ",".join(map(str, value))
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return _PASSWORD.sub(r"\1:***@", str(value))


def _parts(annotation: Any) -> list[Any]:
    """The type and everything inside it."""
    return [annotation, *(inner for one in get_args(annotation) for inner in _parts(one))]


def _metas(annotation: Any) -> list[Meta]:
    return [one for one in _parts(annotation) if isinstance(one, Meta)]


def _meta(annotation: Any, name: str) -> Any:
    return next((value for one in _metas(annotation) if (value := getattr(one, name)) is not None), None)


def _bounds(annotation: Any) -> str:
    words = []
    for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<")):
        value = _meta(annotation, name)
        if value is not None:
            words.append(f"{sign} {value:,}")
    choices = [one for one in _parts(annotation) if isinstance(one, str)]
    return ", ".join(words) or " or ".join(choices)


def _type(annotation: Any) -> str:
    plain = [one for one in _parts(annotation) if isinstance(one, type) and one is not type(None)]
    names = {"int": "number", "float": "number", "bool": "yes or no", "Secret": "secret"}
    if any(get_origin(one) is tuple for one in _parts(annotation)):
        return "list"
    return names.get(plain[0].__name__, "text") if plain else "one of"
