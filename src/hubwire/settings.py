"""Every setting, once: name, unit, bounds, default, help. Environment > file (`hubwire.toml`) > default.

Sources and destinations are not settings: they live in the database and are changed while Hubwire runs.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

from hubwire.errors import SettingsError
from hubwire.secret import Secret

DEFAULT_FILE = "hubwire.toml"
LISTS = frozenset({"trusted_proxies", "alert_email_to"})
"""Settings that hold several values, separated by commas in the environment."""
SECRET_TEXTS = frozenset({"write_key"})
"""Plain texts that are secrets all the same."""
UNSET_WORD = "none"
UNSET = frozenset({UNSET_WORD, "null"})
KINDS = {"int": "whole number", "float": "number", "bool": "yes or no", "Secret": "secret"}
FILE_TABLES = frozenset({"source", "destination"})
"""Tables of hubwire.toml that `hubwire apply` reads; not settings."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field per setting. Lengths of time are seconds, hours or days as the name says; sizes are bytes."""

    host: Annotated[str, Meta(description="Address to listen on. Loopback unless told otherwise.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0 lets the system choose.")] = 8080
    public_url: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^/\s]+(/.*[^/])?$", examples=["https://hubwire.example.com"])] | None,
        Meta(description="Where SDKs and browsers reach this server, when that is not its own address."),
    ] = None
    data: Annotated[str, Meta(description="Folder for the database and the secret key.")] = "data"
    database_url: Annotated[
        str | None,
        Meta(description="sqlite:///path or postgresql://…; without it, hubwire.db in the data folder."),
    ] = None
    journal_url: Annotated[
        str | None, Meta(description="nats://… keeps the journal in JetStream; without it, in the database.")
    ] = None
    role: Annotated[
        Literal["all", "receive", "deliver"], Meta(description="What this process does; one process does all.")
    ] = "all"
    write_key: Annotated[
        Annotated[str, Meta(min_length=8, max_length=128)] | None, Meta(description="Write key of the first source.")
    ] = None
    admin_token: Annotated[
        Secret | None, Meta(description="Bearer token of the admin API; without it, one is made at first start.")
    ] = None
    secret_key: Annotated[
        Secret | None,
        Meta(description="Key that encrypts secrets at rest (32 bytes, base64); without it, a 0600 file."),
    ] = None
    hubspot_access_token: Annotated[
        Secret | None, Meta(description="Service key (or private-app token) of the first destination.")
    ] = None
    hubspot_hub_id: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9]{1,12}$", examples=["1234567"])] | None,
        Meta(description="Hub ID of the first destination."),
    ] = None
    hubspot_base_url: Annotated[
        str,
        Meta(
            pattern=r"^https?://[^/\s]+",
            examples=["https://api.hubapi.com"],
            description="Where HubSpot's API answers.",
        ),
    ] = "https://api.hubapi.com"
    hubspot_api_version: Annotated[
        Literal["2026-09", "2026-03", "v3"], Meta(description="HubSpot API version of new destinations.")
    ] = "2026-09"
    emulator_port: Annotated[
        int, Meta(ge=0, le=65535, description="Port of the bundled emulator in the sandbox; another if taken.")
    ] = 8081
    tls_certificate: Annotated[
        str | None, Meta(description="PEM certificate chain, for SDKs that insist on https.")
    ] = None
    tls_key: Annotated[str | None, Meta(description="PEM private key that belongs to it.")] = None
    trusted_proxies: Annotated[
        tuple[str, ...], Meta(description="Addresses whose X-Forwarded-* headers are believed.")
    ] = ()
    max_message_bytes: Annotated[
        int, Meta(ge=1024, le=1 << 20, description="Largest message; Segment's limit is 32 KB.")
    ] = 32 * 1024
    max_upload_bytes: Annotated[
        int, Meta(ge=1024, le=64 << 20, description="Largest upload, decompressed; Segment's limit is 500 KB.")
    ] = 500 * 1024
    max_upload_messages: Annotated[int, Meta(ge=1, le=100_000, description="Messages per upload.")] = 2500
    max_waiting_messages: Annotated[
        int, Meta(ge=100, le=1_000_000, description="Messages in memory before uploads are refused with 429.")
    ] = 20_000
    read_timeout_seconds: Annotated[
        float, Meta(gt=0, le=300, description="How long an upload's body may take to arrive.")
    ] = 20.0
    dedupe_hours: Annotated[
        float, Meta(ge=0, le=24 * 31, description="How long a messageId is remembered as seen.")
    ] = 48.0
    linger_seconds: Annotated[
        float, Meta(ge=0, le=60, description="How long live messages wait for company before a cycle begins.")
    ] = 1.0
    backfill_linger_seconds: Annotated[
        float, Meta(ge=0, le=600, description="How long imported messages wait for company.")
    ] = 3.0
    cycle_messages: Annotated[
        int, Meta(ge=1, le=100_000, description="Most messages that one delivery cycle takes on.")
    ] = 10_000
    retry_hours: Annotated[
        float, Meta(gt=0, le=24 * 31, description="How long a message is tried again before it is dead.")
    ] = 72.0
    lease_seconds: Annotated[
        float, Meta(ge=2, le=300, description="How long a lane stays with a worker that fell silent.")
    ] = 8.0
    retention_days: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Settled messages and their attempts are kept so long; none: for ever."),
    ] = 30.0
    retention_bytes: Annotated[
        Annotated[int, Meta(ge=1 << 20)] | None, Meta(description="The database may grow to this size; none: no limit.")
    ] = None
    metrics_token: Annotated[
        Secret | None, Meta(description="Bearer token of /metrics; without it, only this machine may read them.")
    ] = None
    alert_webhook_url: Annotated[
        Secret | None, Meta(description="Alerts are posted here as JSON that Slack understands too.")
    ] = None
    alert_webhook_secret: Annotated[
        Secret | None, Meta(description="Signs them: X-Hubwire-Signature has sha256=<HMAC of the body>.")
    ] = None
    alert_email_to: Annotated[
        tuple[str, ...], Meta(description="Alerts are mailed to these addresses, separated by commas.")
    ] = ()
    alert_email_from: Annotated[str | None, Meta(description="Sender of those mails.")] = None
    smtp_url: Annotated[
        Secret | None, Meta(description="Mail server: smtp://user:password@host:587 (STARTTLS) or smtps://…:465.")
    ] = None
    alert_lag_seconds: Annotated[
        Annotated[float, Meta(ge=10)] | None,
        Meta(description="Alert when the oldest waiting message is older; none: never."),
    ] = 900.0
    alert_dead_messages: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Alert at so many new dead letters in an hour; none: never."),
    ] = 10
    alert_retrying_messages: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Alert when so many messages are tried again; none: never.")
    ] = 1000
    alert_budget_percent: Annotated[
        Annotated[int, Meta(ge=1, le=99)] | None,
        Meta(description="Alert when so much of the day's calls is used, and again at 100; none: never."),
    ] = 80
    alert_silent_hours: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Alert when a source that used to send is silent for so long; none: never."),
    ] = None
    alert_repeat_hours: Annotated[float, Meta(gt=0, description="An alert that lasts is told again after so long.")] = (
        24.0
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="Least level logged.")] = "info"
    log_format: Annotated[Literal["console", "json"], Meta(description="How log lines look.")] = "console"

    @property
    def database_path(self) -> Path | None:
        """The SQLite file, or None when the database is another."""
        if self.database_url is None:
            return Path(self.data) / "hubwire.db"
        if self.database_url.startswith("sqlite:///"):
            return Path(self.database_url.removeprefix("sqlite:///"))
        return None

    @property
    def is_sandbox(self) -> bool:
        """No token at all: the bundled emulator plays HubSpot."""
        return self.hubspot_access_token is None


def env_name(setting: str) -> str:
    """The environment variable of a setting."""
    return setting.upper() if setting.startswith("hubspot_") else f"HUBWIRE_{setting.upper()}"


def load(environment: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """The settings in force.

    Shape: environment over file over default. `file` None means `hubwire.toml` here, if there is one.
    Errors: SettingsError naming the setting and the bound; unknown names are errors; a secret's value is never shown.
    """
    environment = os.environ if environment is None else environment
    found: dict[str, Any] = _from_file(file)
    for name in Settings.__struct_fields__:
        text = environment.get(env_name(name))
        if text is not None and text != "":
            found[name] = tuple(one.strip() for one in text.split(",")) if name in LISTS else text
    known = {env_name(name) for name in Settings.__struct_fields__} | {"HUBWIRE_CONFIG"}
    unknown = sorted(name for name in environment if name.startswith("HUBWIRE_") and name not in known)
    if unknown:
        raise SettingsError(f"unknown setting in the environment: {', '.join(unknown)}", hint="See `hubwire settings`.")
    return _checked(found)


def _from_file(file: Path | None) -> dict[str, Any]:
    path = file or Path(DEFAULT_FILE)
    if not path.exists():
        if file is not None:
            raise SettingsError(f"settings file {file} does not exist")
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise SettingsError(f"{path}: {exc.strerror}") from exc
    except ValueError as exc:  # of TOML, or of UTF-8
        raise SettingsError(f"{path}: not TOML: {exc}") from exc
    found = {name: value for name, value in tables.items() if name not in FILE_TABLES}
    unknown = sorted(found.keys() - set(Settings.__struct_fields__))
    if unknown:
        raise SettingsError(f"{path}: unknown setting: {', '.join(unknown)}", hint="See `hubwire settings`.")
    return found


def bounds(annotation: Any) -> str:
    """What a setting of this type takes, beyond its kind: `≥ 0, ≤ 65,535`, `all or receive`; empty where anything."""
    words = [
        f"{sign} {value:,}{unit}"
        for name, sign, unit in (
            ("ge", "≥", ""),
            ("gt", ">", ""),
            ("le", "≤", ""),
            ("lt", "<", ""),
            ("min_length", "≥", " characters"),
            ("max_length", "≤", " characters"),
        )
        if (value := meta(annotation, name)) is not None
    ]
    examples = meta(annotation, "examples") or []
    choices = [one for one in _parts(annotation) if isinstance(one, str)]
    said = ", ".join(words + [f"like {one}" for one in examples]) or " or ".join(choices)
    return f"{said} or {UNSET_WORD}" if said and type(None) in _parts(annotation) else said


def kind(annotation: Any) -> str:
    """The kind of value that a setting of this type takes: `whole number`, `text`, `one of`, …"""
    plain = [one for one in _parts(annotation) if isinstance(one, type) and one is not type(None)]
    if any(get_origin(one) is tuple for one in _parts(annotation)):
        return "list"
    return KINDS.get(plain[0].__name__, "text") if plain else "one of"


def is_secret(name: str, annotation: Any) -> bool:
    """Whether the value of a setting of this name and type is never shown."""
    return "Secret" in str(annotation) or name in SECRET_TEXTS


def meta(annotation: Any, name: str) -> Any:
    """The first thing of this name that is said of a type, however it is nested; None where nothing is."""
    metas = (one for one in _parts(annotation) if isinstance(one, Meta))
    return next((value for one in metas if (value := getattr(one, name)) is not None), None)


def _parts(annotation: Any) -> list[Any]:
    """The type and everything inside it."""
    return [annotation, *(inner for one in get_args(annotation) for inner in _parts(one))]


def _checked(found: Mapping[str, Any]) -> Settings:
    values: dict[str, Any] = {}
    hints = msgspec.structs.fields(Settings)
    for field in hints:
        if field.name not in found:
            continue
        try:
            values[field.name] = (
                None
                if _is_none(found[field.name], field.type)
                else msgspec.convert(found[field.name], field.type, strict=False, dec_hook=_secret, str_keys=True)
            )
        except msgspec.ValidationError as exc:
            shown = "" if is_secret(field.name, field.type) else f" {found[field.name]!r}"
            expected = f"{kind(field.type)} {bounds(field.type)}".strip()
            raise SettingsError(f"{field.name} ({env_name(field.name)}){shown}: expected {expected}") from exc
    settings = Settings(**values)
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise SettingsError("tls_certificate and tls_key go together: one of them is missing")
    mail = (bool(settings.alert_email_to), settings.alert_email_from is not None, settings.smtp_url is not None)
    if any(mail) and not all(mail):
        raise SettingsError("alert_email_to, alert_email_from and smtp_url go together: one of them is missing")
    if settings.database_url is not None and not settings.database_url.startswith(("sqlite:///", "postgresql://")):
        raise SettingsError("database_url (HUBWIRE_DATABASE_URL) begins with sqlite:/// or postgresql://")
    return settings


def _is_none(value: object, annotation: Any) -> bool:
    """Whether a setting that need not have a value is told to have none."""
    return isinstance(value, str) and value.lower() in UNSET and type(None) in _parts(annotation)


def _secret(kind: type, value: object) -> object:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise TypeError(f"a {kind.__name__} is expected")
