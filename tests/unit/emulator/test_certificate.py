"""HTTPS in the name of HubSpot's API host."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509

from hubwire.emulator.http.certificate import certificate_in


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
