"""A company's domain from its website."""

from __future__ import annotations

import pytest

from hubwire.destination import CompanyDomain
from hubwire.plan.company import company_domain


@pytest.mark.parametrize(
    ("website", "domain"),
    [
        ("https://www.example.com/x?y=1#z", "example.com"),
        ("example.com", "example.com"),
        ("EXAMPLE.com.", "example.com"),
        ("//example.com/", "example.com"),
        ("http://user:secret@example.com:8080", "example.com"),
        ("www.app.acme.co.uk", "acme.co.uk"),
        ("vienna.acme.com", "vienna.acme.com"),
        ("www.vienna.acme.com", "vienna.acme.com"),
        ("acme.github.io", "acme.github.io"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("acme.example", "acme.example"),
        ("https://user:pa@ss@example.com/@peter", "example.com"),
        ("http://example.com\\@elsewhere.com", "example.com"),
        ("www.www.com", "www.com"),
        ("\u0430pple.com", "xn--pple-43d.com"),
        ("\uff45xample\uff0ecom", "example.com"),
        ("example.com\u200b", "example.com"),
    ],
)
def test_websites_of_every_form(website: str, domain: str) -> None:
    assert company_domain(website) == domain


@pytest.mark.parametrize(
    "website",
    [
        "", "https://", "localhost", "http://localhost:3000", "192.168.0.1", "https://[::1]/", "co.uk", "com",
        "github.io", "peter@initech.com", "ftp://example.com", "javascript://example.com", "Acme Inc.", "acme inc.com",
        "http://a_b.com", "example.com:80x", "printer.local", "-a.com", "a..com", "x" * 3000 + ".com",
        "St.Gallen", "nas.lan", "web.corp", "1.2.3.4:80", "0x7f.1", "n/a", "example.com, example.org", "mailto:a@b.co",
        "user:secret@example.com", "https:///example.com", "*.example.com", "example.com%2f",
    ],
)  # fmt: skip
def test_what_identifies_no_company(website: str) -> None:
    assert company_domain(website) is None


def test_subdomains_are_one_company_when_asked_for() -> None:
    assert company_domain("vienna.acme.co.uk", CompanyDomain.REGISTRABLE) == "acme.co.uk"
