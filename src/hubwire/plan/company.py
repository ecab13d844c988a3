"""A company's domain from its website, in any form that people write it.

Our decisions: `site` (the default) takes the host without labels that name a service of the company (`www`, `app`,
`shop`…): `www.acme.co.uk` and `app.acme.co.uk` are acme.co.uk. `vienna.acme.com` is a separate company, as in HubSpot,
which keeps subdomains apart until a person merges them. `registrable` joins all subdomains. Both need a registrable
domain by the Public Suffix List, so `localhost`, an IP address, `co.uk` or a name with a dot (`St.Gallen`) are not a
company; the reserved domains `example` and `test` are allowed. International names become their ASCII form, so that
both spellings are one company.
Sources: the seed, "Group" (a full, valid and complete URL; its example is a bare host); HubSpot blog, "How to add
multiple domains to a company record" (developers.hubspot.com beside hubspot.com).
"""

from __future__ import annotations

from functools import cache, lru_cache

import idna
from publicsuffixlist import PublicSuffixList

from hubwire.destination import CompanyDomain

MAX_WEBSITE = 2048
_SERVICES = frozenset({
    "www", "www1", "www2", "www3", "web", "app", "apps", "blog", "shop", "store", "m", "mobile", "portal", "login",
    "account", "accounts", "my", "mail", "help", "support", "docs", "go", "get", "info", "home", "secure", "dashboard",
    "admin",
})  # fmt: skip
"""Labels that name a service of the company, not another company."""
_FOR_TRIALS = frozenset({"example", "test"})
"""Top-level domains that nobody can register. Source: RFC 2606."""
_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


@cache
def _suffixes() -> PublicSuffixList:
    """The list that the package carries; read once, on the first website."""
    return PublicSuffixList(accept_unknown=False)


@lru_cache(maxsize=16384)
def company_domain(website: str, how: CompanyDomain = CompanyDomain.SITE) -> str | None:
    """The domain that identifies the company, or None when the website has no valid host.

    Shape: scheme, user, port, path and a final dot are dropped; an e-mail address is no website.
    """
    host = _host(website.strip().lower()) if len(website) <= MAX_WEBSITE else None
    if host is None:
        return None
    registrable = _registrable(host)
    if registrable is None or how is CompanyDomain.REGISTRABLE:
        return registrable
    labels = host.removesuffix(registrable).rstrip(".").split(".")
    while labels and (labels[0] in _SERVICES or not labels[0]):
        labels = labels[1:]
    return ".".join([*labels, registrable])


def _registrable(host: str) -> str | None:
    registrable: str | None = _suffixes().privatesuffix(host)
    if registrable is None:
        *_, name, top = host.split(".")
        return f"{name}.{top}" if top in _FOR_TRIALS else None
    return registrable


def _host(website: str) -> str | None:
    scheme, separator, rest = website.partition("://")
    if not separator:
        scheme, rest = "", website.removeprefix("//")
    for end in "/?#\\":
        rest = rest.partition(end)[0]
    _user, at, host = rest.rpartition("@")
    if scheme not in ("", "http", "https") or (at and not separator):
        return None
    host, colon, port = host.partition(":")
    if (colon and port and not port.isdigit()) or not host:
        return None
    return _ascii(host.rstrip("."))


def _ascii(host: str) -> str | None:
    """The host in ASCII, or None when it is no name of at least two labels."""
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            return None
    labels = host.split(".")
    if len(labels) < 2 or len(host) > 253:
        return None
    is_valid = all(0 < len(x) < 64 and x[0] != "-" and x[-1] != "-" and _LABEL.issuperset(x) for x in labels)
    return host if is_valid else None
