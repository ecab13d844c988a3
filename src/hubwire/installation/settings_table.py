"""A table of the settings for people: name, environment variable, value, default, bounds, help. Masks secrets."""

from __future__ import annotations

import re

import msgspec

from hubwire.secret import Secret
from hubwire.settings import SECRET_TEXTS, UNSET_WORD, Settings, bounds, env_name, is_secret, kind, meta

_PASSWORD = re.compile(r"(://[^:/@\s]*):[^@\s]*@")


class SettingRow(msgspec.Struct, kw_only=True, frozen=True):
    """One setting. `value` and `default` are written as in a settings file."""

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
            type=kind(field.type),
            value=_masked(field.name, getattr(settings, field.name)),
            default=_shown(field.default),
            bounds=bounds(field.type),
            help=meta(field.type, "description") or "",
            is_secret=is_secret(field.name, field.type),
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
