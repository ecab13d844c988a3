"""Wherever Hubwire stands and whatever else is in the page: https, a path prefix, AMD, CSP, another global."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.sync_api import Route as BrowserRoute
from tests.browser.harness import HUB_ID, KEY, Host, LoopbackServer, Visit, sandbox_source

from hubwire.device.assets import Assets

UMD = "/files/browser/node_modules/@segment/analytics-next/dist/umd"

POLICY = (
    "default-src 'none'; script-src 'nonce-n0nce' {ours} https://js.hs-scripts.com https://js.hs-analytics.net "
    "https://js.hsforms.net; connect-src {ours} https://track.hubspot.com; img-src data:"
)

AMD_LOADER = """
window.defined = []
window.define = function () { window.defined.push(arguments) }
window.define.amd = {}
window.exports = {}
window.module = { exports: window.exports }
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for loopback that nobody signed."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("www.localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    signed = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def https_host(assets: Assets, certificate: tuple[Path, Path]) -> Iterator[Host]:
    host = Host(assets)
    with LoopbackServer(lambda _: host.app(), certificate) as server:
        host.origin = f"https://127.0.0.1:{server.port}"
        host.site = f"https://www.localhost:{server.port}"
        yield host


@pytest.fixture
def prefixed_host(assets: Assets) -> Iterator[Host]:
    host = Host(assets)
    with LoopbackServer(lambda _: host.app("/tools/cdp")) as server:
        host.origin = f"http://127.0.0.1:{server.port}/tools/cdp"
        host.site = f"http://www.localhost:{server.port}"
        yield host


def answer_for_hubspots_hosts(visit: Visit, host: Host) -> None:
    """HubSpot's real host names, answered by the stand-in on this server."""
    visit.context.route("https://js.hs-scripts.com/*.js", lambda r: _stand_in(r, host, f"/_hubspot/js/{HUB_ID}.js"))
    visit.context.route("https://js.hs-analytics.net/**", lambda r: _stand_in(r, host, "/_hubspot/js/analytics/0/1.js"))
    visit.context.route("https://js.hsforms.net/**", lambda r: _stand_in(r, host, "/_hubspot/js/forms/v2.js"))
    visit.context.route("https://track.hubspot.com/**", lambda r: _stand_in(r, host, "/_hubspot/track"))


def _stand_in(route: BrowserRoute, host: Host, path: str) -> None:
    route.fulfill(response=route.fetch(url=host.origin + path))


def test_https(https_host: Host, visit: Visit) -> None:
    https_host.source = sandbox_source(load_forms_sdk=True)
    visit.open(https_host.add_page(script="analytics.track('T')"))
    visit.is_ready()
    https_host.await_counted("landing view /", f"event pe{HUB_ID}_t")
    https_host.message(event="T")
    assert [url for url in visit.requests if not url.startswith("https://")] == []


def test_hubspots_own_hosts_under_a_content_security_policy(https_host: Host, visit: Visit) -> None:
    host = https_host
    host.source = sandbox_source(script_host=None, forms_url=None, load_forms_sdk=True)
    host.page_headers = {"content-security-policy": POLICY.format(ours=host.origin)}
    answer_for_hubspots_hosts(visit, host)
    visit.open(host.add_page(script="analytics.track('T')"))
    visit.is_ready()
    host.await_counted("landing view /", f"event pe{HUB_ID}_t")
    host.message(event="T")
    assert visit.evaluate("typeof hbspt.forms.create") == "function"
    assert visit.complaints == []


def test_a_path_before_ours(prefixed_host: Host, visit: Visit) -> None:
    host = prefixed_host
    host.source = sandbox_source(load_forms_sdk=True)
    visit.open(host.add_page(script="analytics.track('T'); analytics.trackLink(document.body, 'x')"))
    visit.is_ready()
    host.await_counted("landing view /", f"event pe{HUB_ID}_t")
    host.message(event="T")
    visit.page.wait_for_function("performance.getEntriesByType('resource').some((r) => r.name.includes('auto-track'))")
    assert visit.asked_for("auto-track")[0].startswith(f"{host.origin}/analytics-next/bundles/")
    assert {upload["path"] for upload in host.uploads} <= {"/tools/cdp/v1/t", "/tools/cdp/v1/p"}


def test_beside_an_amd_loader(host: Host, visit: Visit) -> None:
    visit.open(host.add_page(head=f'<script nonce="n0nce">{AMD_LOADER}</script>', script="analytics.track('T')"))
    host.await_counted("landing view /", f"event pe{HUB_ID}_t")
    assert visit.evaluate("[defined.length, Object.keys(module.exports)]") == [0, []]


def test_another_global_name(host: Host, visit: Visit) -> None:
    url = host.add_page()
    host.pages["/"] = host.pages["/"].replace('i="analytics"', 'i="segment"')
    visit.open(url)
    visit.page.wait_for_function("window.segment && window.segment.initialized")
    visit.evaluate("segment.track('T')")
    host.await_counted("landing view /", f"event pe{HUB_ID}_t")
    assert visit.evaluate("typeof window.analytics") == "undefined"


def test_batches(host: Host, visit: Visit) -> None:
    options = (
        "{integrations: {'Segment.io': {deliveryStrategy: {strategy: 'batching', config: {size: 2, timeout: 200}}}}}"
    )
    visit.open(host.add_page(options=options, script="analytics.track('T')"))
    assert host.message(event="T")["context"]["hubspot"]["device"] == "pending"
    assert host.uploads[0]["path"] == "/v1/b"


def test_query_string_calls_load_their_chunk_from_here(host: Host, visit: Visit) -> None:
    visit.open(host.add_page() + "?ajs_event=From%20a%20mail&ajs_uid=u7")
    assert host.message(event="From a mail")["userId"] == "u7"
    assert visit.asked_for("queryString")[0].startswith(host.origin)


def test_a_server_that_has_no_bundle_leaves_the_page_working(host: Host, visit: Visit) -> None:
    visit.context.route("**/analytics.min.js", lambda route: route.fulfill(status=503, body='{"code":"x"}'))
    page = visit.open(host.add_page(script="analytics.track('T')"))
    page.wait_for_selector("text=Shop")
    assert visit.evaluate("analytics.length") == 2
    assert [complaint for complaint in visit.complaints if "503" not in complaint] == []


def test_segments_own_loader_with_our_settings_and_plugin(host: Host, visit: Visit) -> None:
    """`standalone.js` in the place of the one-request script asks for settings, then for our plugin, for no chunk."""
    url = host.add_page(head=f"<script nonce=n0nce>window.analytics=[];analytics._cdn='{host.origin}'</script>")
    loader = f'"{UMD}/standalone.js?/analytics.js/v1/" + key + "/analytics.min.js"'
    served = f'"{host.origin}/analytics.js/v1/" + key + "/analytics.min.js"'
    assert served in host.pages["/"]
    host.pages["/"] = host.pages["/"].replace(served, loader)
    visit.open(url)
    visit.is_ready()
    visit.evaluate("analytics.track('T')")
    host.await_counted("landing view /", f"event pe{HUB_ID}_t")
    assert host.message(event="T")["context"]["hubspot"]["device"] == "loaded"
    ours = [found.removeprefix(host.origin) for found in visit.requests if found.startswith(host.origin)]
    assert ours[0] == f"/v1/projects/{KEY}/settings"
    assert ours[1].startswith("/next-integrations/actions/hubspot-device/1.0.0-")
    assert visit.asked_for("/analytics-next/bundles/") == []
