"""Settings: environment over file over default; every value is checked, no secret is shown."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hubwire.errors import SettingsError
from hubwire.secret import Secret
from hubwire.settings import Settings, env_name, load


def test_the_defaults_are_loopback_and_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load({})
    assert (settings.host, settings.port, settings.is_sandbox) == ("127.0.0.1", 8080, True)


def test_environment_wins_over_file_wins_over_default(tmp_path: Path) -> None:
    file = tmp_path / "hubwire.toml"
    file.write_text('port = 9000\nlinger_seconds = 2\n[[source]]\nname = "web"\n')
    settings = load({"HUBWIRE_PORT": "9001"}, file)
    assert (settings.port, settings.linger_seconds, settings.cycle_messages) == (9001, 2.0, 10_000)


EVERY_KIND = {
    "HUBWIRE_PORT": "1",
    "HUBWIRE_WRITE_KEY": "a-write-key",
    "HUBSPOT_ACCESS_TOKEN": "pat-na1-f00d",
    "HUBSPOT_HUB_ID": "1234567",
    "HUBSPOT_BASE_URL": "http://127.0.0.1:8081",
    "HUBSPOT_API_VERSION": "v3",
    "HUBWIRE_RETENTION_DAYS": "7",
    "HUBWIRE_RETENTION_BYTES": "10000000",
    "HUBWIRE_TRUSTED_PROXIES": "127.0.0.1,10.0.0.1",
    "HUBWIRE_ADMIN_TOKEN": "an-admin-token",
}


def test_every_kind_of_setting_is_read_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(EVERY_KIND)
    assert settings.hubspot_access_token == Secret("pat-na1-f00d")
    assert settings.trusted_proxies == ("127.0.0.1", "10.0.0.1")
    assert settings.retention_bytes == 10_000_000
    assert "f00d" not in repr(settings)


TAKES_ANY_TEXT = {
    "host", "data", "journal_url", "write_key", "trusted_proxies", "oidc_name_claim", "oidc_role_claim"
} | {field.name for field in msgspec.structs.fields(Settings) if "Secret" in str(field.type)}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(Settings.__struct_fields__) - TAKES_ANY_TEXT))
def test_a_value_that_no_setting_takes_is_refused_by_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=f"{name}|{env_name(name)}|tls_certificate"):
        load({env_name(name): "\x00no such value\x00"})


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"HUBWIRE_PORT": "70000"}, "HUBWIRE_PORT"),
        ({"HUBWIRE_PROT": "1"}, "HUBWIRE_PROT"),
        ({"HUBSPOT_HUB_ID": "12a"}, "HUBSPOT_HUB_ID"),
        ({"HUBWIRE_TLS_KEY": "key.pem"}, "tls_certificate"),
        ({"HUBWIRE_DATABASE_URL": "mysql://x"}, "HUBWIRE_DATABASE_URL"),
    ],
)
def test_a_bad_setting_is_named(
    environment: dict[str, str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=named):
        load(environment)


def test_an_unknown_name_in_the_file_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "hubwire.toml"
    file.write_text("prot = 1\n")
    with pytest.raises(SettingsError, match="prot"):
        load({}, file)


def test_every_setting_has_a_description() -> None:
    for field in msgspec.inspect.type_info(Settings).fields:  # type: ignore[attr-defined]
        kind = field.type
        assert isinstance(kind, msgspec.inspect.Metadata), field.name
        assert (kind.extra_json_schema or {}).get("description"), field.name
