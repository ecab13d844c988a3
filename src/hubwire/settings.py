"""Every setting, once: name, unit, bounds, default, help. Environment > file (`hubwire.toml`) > default.

Sources and destinations are not settings: they live in the database and are changed while Hubwire runs.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from hubwire.errors import SettingsError
from hubwire.secret import Secret

DEFAULT_FILE = "hubwire.toml"
LISTS = frozenset({"trusted_proxies", "alert_email_to", "oidc_roles"})
"""Settings that hold several values, separated by commas in the environment."""
SECRET_TEXTS = frozenset({"write_key"})
"""Settings whose type is plain text but whose value is a secret."""
UNSET_WORD = "none"
UNSET = frozenset({UNSET_WORD, "null"})
KINDS = {"int": "whole number", "float": "number", "bool": "yes or no", "Secret": "secret"}
FILE_TABLES = frozenset({"source", "destination", "alerts"})
"""Tables of hubwire.toml that are not settings; `hubwire apply` reads them."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field per setting. The name gives the unit of a time (seconds, hours, days); sizes are bytes."""

    host: Annotated[
        str, Meta(description="Address to listen on. The default accepts connections from this machine only.")
    ] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65535, description="Port to listen on; 0 lets the operating system choose one.")
    ] = 8080
    public_url: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^/\s]+(/.*[^/])?$", examples=["https://hubwire.example.com"])] | None,
        Meta(description="The URL at which SDKs and browsers reach this server, if it differs from host and port."),
    ] = None
    data: Annotated[str, Meta(description="Folder for the database and the secret key.")] = "data"
    database_url: Annotated[
        str | None,
        Meta(description="Database: sqlite:///path or postgresql://…. Default: hubwire.db in the data folder."),
    ] = None
    journal_url: Annotated[
        str | None,
        Meta(description="nats://… keeps the journal in NATS JetStream. Default: the journal is in the database."),
    ] = None
    role: Annotated[
        Literal["all", "receive", "deliver"],
        Meta(description="What this process does: receive, deliver, or both (all)."),
    ] = "all"
    write_key: Annotated[
        Annotated[str, Meta(min_length=8, max_length=128)] | None, Meta(description="Write key of the first source.")
    ] = None
    admin_token: Annotated[
        Secret | None,
        Meta(
            description="Bearer token of the admin API and the console. Default: Hubwire makes one at the first start."
        ),
    ] = None
    secret_key: Annotated[
        Secret | None,
        Meta(
            description="Key that encrypts stored secrets (32 bytes, base64). Default: a 0600 file in the data folder."
        ),
    ] = None
    hubspot_access_token: Annotated[
        Secret | None, Meta(description="HubSpot service key (or private-app token) of the first destination.")
    ] = None
    hubspot_hub_id: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9]{1,12}$", examples=["1234567"])] | None,
        Meta(description="Hub ID of the first destination's HubSpot portal."),
    ] = None
    hubspot_base_url: Annotated[
        str,
        Meta(
            pattern=r"^https?://[^/\s]+",
            examples=["https://api.hubapi.com"],
            description="Base URL of HubSpot's API.",
        ),
    ] = "https://api.hubapi.com"
    hubspot_api_version: Annotated[
        Literal["2026-09", "2026-03", "v3"], Meta(description="HubSpot API version that new destinations use.")
    ] = "2026-09"
    emulator_port: Annotated[
        int,
        Meta(ge=0, le=65535, description="Port of the sandbox's emulator. If it is in use, Hubwire takes a free one."),
    ] = 8081
    tls_certificate: Annotated[
        str | None, Meta(description="File with the PEM certificate chain; Hubwire then serves https.")
    ] = None
    tls_key: Annotated[str | None, Meta(description="File with the PEM private key of that certificate.")] = None
    trusted_proxies: Annotated[
        tuple[str, ...], Meta(description="Addresses of proxies whose X-Forwarded-* headers Hubwire trusts.")
    ] = ()
    max_message_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=4 << 20,
            description="Maximum size of a message. Segment's limit is 32 KB; RudderStack's SDKs send more.",
        ),
    ] = 512 * 1024
    max_upload_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=64 << 20,
            description="Maximum size of an upload after decompression. Segment's limit is 500 KB, RudderStack's 4 MB.",
        ),
    ] = 4_500_000
    max_upload_messages: Annotated[
        int, Meta(ge=1, le=100_000, description="Maximum number of messages in an upload.")
    ] = 2500
    max_waiting_messages: Annotated[
        int,
        Meta(
            ge=100,
            le=1_000_000,
            description="Maximum number of messages in memory; above it, Hubwire answers uploads with 429.",
        ),
    ] = 20_000
    read_timeout_seconds: Annotated[
        float, Meta(gt=0, le=300, description="Time limit for an upload's body to arrive.")
    ] = 20.0
    dedupe_hours: Annotated[
        float, Meta(ge=0, le=24 * 31, description="How long Hubwire recognises a repeated messageId.")
    ] = 48.0
    linger_seconds: Annotated[
        float,
        Meta(ge=0, le=60, description="How long live messages wait so that one HubSpot call can carry more of them."),
    ] = 1.0
    company_linger_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=600,
            description="How long live group calls wait after the last calls for companies, so that these travel in"
            " fuller batches. Contacts and events do not wait. Before Hubwire creates a company, it also searches again"
            " after 10 seconds. 0 turns both off.",
        ),
    ] = 10.0
    backfill_linger_seconds: Annotated[
        float, Meta(ge=0, le=600, description="The same wait for imported messages.")
    ] = 3.0
    cycle_messages: Annotated[
        int, Meta(ge=1, le=100_000, description="Maximum number of messages in a delivery cycle.")
    ] = 10_000
    retry_hours: Annotated[
        float, Meta(gt=0, le=24 * 31, description="How long Hubwire retries a message before it is dead.")
    ] = 72.0
    lease_seconds: Annotated[
        float,
        Meta(
            ge=2,
            le=300,
            description="How long a worker that stops responding keeps its destinations before another takes over.",
        ),
    ] = 8.0
    retention_days: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="How long Hubwire keeps delivered, discarded and dead messages; none: for ever."),
    ] = 30.0
    retention_bytes: Annotated[
        Annotated[int, Meta(ge=1 << 20)] | None, Meta(description="Maximum size of the database; none: no limit.")
    ] = None
    metrics_token: Annotated[
        Secret | None, Meta(description="Bearer token of /metrics. Default: only this machine can read the metrics.")
    ] = None
    session_hours: Annotated[float, Meta(gt=0, le=720, description="How long a sign-in to the console lasts.")] = 12.0
    oidc_issuer: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^\s?#]+$", examples=["https://login.example.com/realms/staff"])]
        | None,
        Meta(description="OpenID Connect provider that signs people in to the console; none: no single sign-on."),
    ] = None
    oidc_client_id: Annotated[str | None, Meta(description="Client ID of Hubwire at the provider.")] = None
    oidc_client_secret: Annotated[
        Secret | None, Meta(description="Client secret; none for a public client, which PKCE alone protects.")
    ] = None
    oidc_scopes: Annotated[
        Annotated[str, Meta(pattern=r"(^| )openid( |$)", examples=["openid email groups"])],
        Meta(description="Scopes that Hubwire asks for."),
    ] = "openid email profile"
    oidc_name_claim: Annotated[str, Meta(description="Claim with the person's name for the audit log.")] = "email"
    oidc_role_claim: Annotated[
        str, Meta(description="Claim with roles or groups. Dots lead into objects: realm_access.roles.")
    ] = "roles"
    oidc_roles: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^.+=(view|operate|admin)$", examples=["staff=view"])], ...],
        Meta(description="Values of this claim with the role that each gives; a person gets the highest one."),
    ] = ("hubwire-view=view", "hubwire-operate=operate", "hubwire-admin=admin")
    alert_webhook_url: Annotated[
        Secret | None, Meta(description="URL to which Hubwire posts alerts, as JSON that Slack also accepts.")
    ] = None
    alert_webhook_secret: Annotated[
        Secret | None, Meta(description="Signs these posts: X-Hubwire-Signature has sha256=<HMAC of the body>.")
    ] = None
    alert_email_to: Annotated[
        tuple[str, ...], Meta(description="E-mail addresses that receive alerts, separated by commas.")
    ] = ()
    alert_email_from: Annotated[str | None, Meta(description="Sender of the alert e-mails.")] = None
    smtp_url: Annotated[
        Secret | None, Meta(description="Mail server: smtp://user:password@host:587 (STARTTLS) or smtps://…:465.")
    ] = None
    alert_lag_seconds: Annotated[
        Annotated[float, Meta(ge=10, le=2_592_000)] | None,
        Meta(description="Alert when the oldest pending message is older than this; none: never."),
    ] = 900.0
    alert_dead_messages: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000_000)] | None,
        Meta(description="Alert when this many messages become dead within an hour; none: never."),
    ] = 10
    alert_retrying_messages: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000_000)] | None,
        Meta(description="Alert when this many messages are retrying; none: never."),
    ] = 1000
    alert_budget_percent: Annotated[
        Annotated[int, Meta(ge=1, le=99)] | None,
        Meta(description="Alert when this percentage of the day's calls is used, and again at 100; none: never."),
    ] = 80
    alert_silent_hours: Annotated[
        Annotated[float, Meta(gt=0, le=8760)] | None,
        Meta(description="Alert when an active source sends nothing for this long; none: never."),
    ] = None
    alert_repeat_hours: Annotated[
        float, Meta(gt=0, le=8760, description="Hubwire repeats an alert that is still on after this time.")
    ] = 24.0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Lowest level that Hubwire logs.")
    ] = "info"
    log_format: Annotated[Literal["console", "json"], Meta(description="Format of the log lines.")] = "console"

    @property
    def database_path(self) -> Path | None:
        """The SQLite file, or None for another database."""
        if self.database_url is None:
            return Path(self.data) / "hubwire.db"
        if self.database_url.startswith("sqlite:///"):
            return Path(self.database_url.removeprefix("sqlite:///"))
        return None

    @property
    def is_sandbox(self) -> bool:
        """True without an access token: the bundled emulator then takes HubSpot's place."""
        return self.hubspot_access_token is None


def is_loopback_url(url: str) -> bool:
    """True for an http address of this machine."""
    return url.startswith("http://") and urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")


def env_name(setting: str) -> str:
    """The environment variable of a setting."""
    return setting.upper() if setting.startswith("hubspot_") else f"HUBWIRE_{setting.upper()}"


def load(environment: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """The settings in force.

    Shape: environment over file over default. `file` None reads `hubwire.toml` in this folder if it exists.
    Errors: SettingsError with the setting and its bound, also for unknown names; it never shows a secret's value.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = _from_file(file)
    for name in Settings.__struct_fields__:
        text = environment.get(env_name(name))
        if text is not None and text != "":
            values[name] = tuple(part.strip() for part in text.split(",")) if name in LISTS else text
    known = {env_name(name) for name in Settings.__struct_fields__} | {"HUBWIRE_CONFIG"}
    unknown = sorted(name for name in environment if name.startswith("HUBWIRE_") and name not in known)
    if unknown:
        raise SettingsError(f"unknown setting in the environment: {', '.join(unknown)}", hint="See `hubwire settings`.")
    return _checked(values)


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
    values = {name: value for name, value in tables.items() if name not in FILE_TABLES}
    unknown = sorted(values.keys() - set(Settings.__struct_fields__))
    if unknown:
        raise SettingsError(f"{path}: unknown setting: {', '.join(unknown)}", hint="See `hubwire settings`.")
    return values


def bounds(annotation: Any) -> str:
    """The values that a setting of this type accepts: `≥ 0, ≤ 65,535`, `all or receive`; empty without a bound."""
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
    choices = [part for part in _parts(annotation) if isinstance(part, str)]
    forms = ", ".join(words + [f"like {example}" for example in examples]) or " or ".join(choices)
    return f"{forms} or {UNSET_WORD}" if forms and type(None) in _parts(annotation) else forms


def kind(annotation: Any) -> str:
    """The kind of value that a setting of this type accepts: `whole number`, `text`, `one of`, …"""
    plain = [part for part in _parts(annotation) if isinstance(part, type) and part is not type(None)]
    if any(get_origin(part) is tuple for part in _parts(annotation)):
        return "list"
    return KINDS.get(plain[0].__name__, "text") if plain else "one of"


def is_secret(name: str, annotation: Any) -> bool:
    """True if Hubwire must hide the value of this setting."""
    return "Secret" in str(annotation) or name in SECRET_TEXTS


def meta(annotation: Any, name: str) -> Any:
    """The first value with this name in a type's metadata, at any depth; None if there is none."""
    metas = (part for part in _parts(annotation) if isinstance(part, Meta))
    return next((value for candidate in metas if (value := getattr(candidate, name)) is not None), None)


def _parts(annotation: Any) -> list[Any]:
    """The type and all its inner types and metadata."""
    return [annotation, *(inner for argument in get_args(annotation) for inner in _parts(argument))]


def _checked(values_by_name: Mapping[str, Any]) -> Settings:
    values: dict[str, Any] = {}
    hints = msgspec.structs.fields(Settings)
    for field in hints:
        if field.name not in values_by_name:
            continue
        try:
            values[field.name] = (
                None
                if _is_none(values_by_name[field.name], field.type)
                else msgspec.convert(
                    values_by_name[field.name], field.type, strict=False, dec_hook=_secret, str_keys=True
                )
            )
        except msgspec.ValidationError as exc:
            shown = "" if is_secret(field.name, field.type) else f" {values_by_name[field.name]!r}"
            expected = f"{kind(field.type)} {bounds(field.type)}".strip()
            raise SettingsError(f"{field.name} ({env_name(field.name)}){shown}: expected {expected}") from exc
    settings = Settings(**values)
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise SettingsError("set tls_certificate and tls_key together: one of them is missing")
    mail = (bool(settings.alert_email_to), settings.alert_email_from is not None, settings.smtp_url is not None)
    if any(mail) and not all(mail):
        raise SettingsError("set alert_email_to, alert_email_from and smtp_url together: one of them is missing")
    _check_single_sign_on(settings)
    if settings.database_url is not None and not settings.database_url.startswith(("sqlite:///", "postgresql://")):
        raise SettingsError("database_url (HUBWIRE_DATABASE_URL) must begin with sqlite:/// or postgresql://")
    return settings


def _check_single_sign_on(settings: Settings) -> None:
    """Errors: SettingsError for half a provider, or for one that would get secrets without https."""
    issuer = settings.oidc_issuer
    if (issuer is None) != (settings.oidc_client_id is None):
        raise SettingsError("set oidc_issuer and oidc_client_id together: one of them is missing")
    if issuer is not None and not issuer.startswith("https://") and not is_loopback_url(issuer):
        raise SettingsError("oidc_issuer (HUBWIRE_OIDC_ISSUER) must begin with https://")


def with_values(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Settings with other values for some of them, checked as those of a file. Errors: SettingsError."""
    checked = _checked(values)
    return msgspec.structs.replace(settings, **{name: getattr(checked, name) for name in values})


def _is_none(value: object, annotation: Any) -> bool:
    """True if the value `none` or `null` unsets this optional setting."""
    return isinstance(value, str) and value.lower() in UNSET and type(None) in _parts(annotation)


def _secret(kind: type, value: object) -> object:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise TypeError(f"a {kind.__name__} is expected")
