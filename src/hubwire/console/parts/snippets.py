"""The code to paste: the page snippet for a web source, one line per SDK for a server or an app."""

from __future__ import annotations

import json

import msgspec

from hubwire.destination import Source, SourceKind
from hubwire.web.ports import Services

PLACEHOLDER = "YOUR_WRITE_KEY"


class Snippet(msgspec.Struct, frozen=True, kw_only=True):
    """Something to copy. `name` says for what, `note` what to mind."""

    name: str
    code: str
    note: str = ""


def snippets(deps: Services, source: Source, write_key: str | None) -> list[Snippet]:
    """The snippets for this kind of source; a placeholder stands for a key that can no longer be shown."""
    key, url = write_key or PLACEHOLDER, deps.public_url
    match source.kind:
        case SourceKind.WEB:
            return _web(deps, key, url)
        case SourceKind.MOBILE:
            return _mobile(key, url)
        case SourceKind.SERVER:
            return [_curl(key, url), *_server(key, url)]


def _web(deps: Services, key: str, url: str) -> list[Snippet]:
    script = deps.snippet(key)
    found = []
    if script is not None:
        code = f"<script>\n{script.strip()}\n</script>"
        found.append(Snippet(name="Page snippet", code=code, note="Into the <head> of every page."))
    address = f'{{ apiHost: {json.dumps(_host(url))}, protocol: "{_scheme(url)}" }}'
    npm = (
        'import { AnalyticsBrowser } from "@segment/analytics-next"\n'
        f"const analytics = AnalyticsBrowser.load({{ writeKey: {json.dumps(key)}, cdnURL: {json.dumps(url)} }},\n"
        f'  {{ integrations: {{ "Segment.io": {address} }} }})'
    )
    return [*found, Snippet(name="npm", code=npm, note="For sites that bundle analytics.js themselves.")]


def _mobile(key: str, url: str) -> list[Snippet]:
    host = _host(url)
    return [
        Snippet(
            name="Kotlin",
            code=f'val analytics = Analytics("{key}", applicationContext) {{\n    apiHost = "{host}"\n'
            f'    cdnHost = "{host}"\n}}',
            note="The SDK speaks https only.",
        ),
        Snippet(
            name="Swift",
            code=f'let analytics = Analytics(configuration: Configuration(writeKey: "{key}")\n'
            f'    .apiHost("{host}").cdnHost("{host}"))',
            note="The SDK speaks https only.",
        ),
    ]


def _curl(key: str, url: str) -> Snippet:
    body = {"userId": "user1234", "traits": {"email": "peter@example.com", "firstname": "Peter", "lastname": "Gibbon"}}
    code = f"curl -u {key}: {url}/v1/identify -H 'Content-Type: application/json' \\\n  -d '{json.dumps(body)}'"
    return Snippet(name="curl", code=code)


def _server(key: str, url: str) -> list[Snippet]:
    return [
        Snippet(
            name="Python",
            code=f'import segment.analytics as analytics\n\nanalytics.write_key = "{key}"\nanalytics.host = "{url}"\n'
            'analytics.identify("user1234", {"email": "peter@example.com", "firstname": "Peter"})',
        ),
        Snippet(
            name="Node",
            code='import { Analytics } from "@segment/analytics-node"\n\n'
            f'const analytics = new Analytics({{ writeKey: "{key}", host: "{url}" }})\n'
            'analytics.identify({ userId: "user1234", traits: { email: "peter@example.com", firstname: "Peter" } })',
        ),
        Snippet(
            name="Go",
            code=f'client, _ := analytics.NewWithConfig("{key}", analytics.Config{{Endpoint: "{url}"}})\n'
            "defer client.Close()\n"
            'client.Enqueue(analytics.Identify{\n    UserId: "user1234",\n'
            '    Traits: analytics.NewTraits().SetEmail("peter@example.com").SetFirstName("Peter"),\n})',
        ),
    ]


def _host(url: str) -> str:
    return f"{url.partition('://')[2]}/v1"


def _scheme(url: str) -> str:
    return url.partition("://")[0]
