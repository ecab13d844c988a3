"""HTTPS in the name of HubSpot's API host."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509

from hubwire.emulator.http.certificate import certificate_in
from hubwire.testing import running_emulator


def test_a_program_that_trusts_the_authority_is_served_over_https(tmp_path: Path) -> None:
    with running_emulator(https=tmp_path) as emulator:
        assert emulator.base_url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        with urllib.request.urlopen(f"{emulator.base_url}/_emulator/stats", context=trusting) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(f"{emulator.base_url}/_emulator/stats")


def test_the_certificate_is_kept_and_speaks_for_hubspots_host(tmp_path: Path) -> None:
    files = certificate_in(tmp_path / "new")
    before = files.chain.read_bytes()
    assert certificate_in(tmp_path / "new") == files
    assert files.chain.read_bytes() == before
    assert files.key.stat().st_mode & 0o077 == 0
    certificate = x509.load_pem_x509_certificate(before)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "api.hubapi.com" in names.get_values_for_type(x509.DNSName)


def test_the_authority_can_speak_for_hubspot_and_loopback_only(tmp_path: Path) -> None:
    authority = x509.load_pem_x509_certificate(certificate_in(tmp_path).authority.read_bytes())
    limits = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert [str(name.value) for name in limits.value.permitted_subtrees or ()] == [
        "hubapi.com",
        "hubspot.com",
        "localhost",
        "127.0.0.0/8",
    ]
