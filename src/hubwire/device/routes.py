"""The addresses from which a page loads analytics.js: the one-request script, the settings, chunks, plugin and notices.

A changed setting reaches every page within `SETTINGS_MAX_AGE_SECONDS`, after which browsers revalidate and mostly get
304. Files whose name changes with their content are cached for a year. Everything is public and the same for everyone.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hubwire.device.assets import Asset, Assets
from hubwire.device.bundle import remembered_bundles
from hubwire.device.page_settings import settings_json
from hubwire.device.source import DeviceSource, DeviceSources
from hubwire.device.source_config import source_config

SETTINGS_MAX_AGE_SECONDS = 300
"""The seed promises that a page sees a new setting in 5 to 10 minutes."""

SHORT = f"public, max-age={SETTINGS_MAX_AGE_SECONDS}"
FOREVER = "public, max-age=31536000, immutable"

PUBLIC_HEADERS = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "timing-allow-origin": "*",
    "x-content-type-options": "nosniff",
}
PREFLIGHT_HEADERS = {
    **PUBLIC_HEADERS,
    "access-control-allow-methods": "GET, HEAD",
    "access-control-max-age": "7200",
}
NOT_BUILT = (
    b'{"code":"device-mode-not-built","message":"Device mode is not built here: '
    b'run `python -m hubwire.device.build` and start again.","success":false}'
)

Answer = Callable[[Request], Response]


def device_routes(sources: DeviceSources, assets: Assets | None, public_url: str | None = None) -> list[Route]:
    """Routes of the browser side, to be mounted at the root of the public address (a path before them is fine).

    Without assets, the scripts answer 503 with a reason, which a page survives, and the settings name no plugin, so
    that the server delivers everything. `public_url` is the address for browsers in the settings; None takes the
    address of each request. The script finds its own address.
    """
    return [
        _route("/analytics.js/v1/{write_key}/analytics.min.js", _script(sources, assets)),
        _route("/v1/projects/{write_key}/settings", _settings(sources, assets, public_url)),
        _route("/sourceConfig", _source_config),
        _route("/sourceConfig/", _source_config),
        _route("/analytics-next/notices.txt", _file(assets, lambda built, _: built.notices, SHORT)),
        _route("/analytics-next/bundles/{name}", _file(assets, lambda built, name: built.chunks.get(name), FOREVER)),
        _route("/next-integrations/actions/hubspot-device/{name}.js", _plugin(assets)),
    ]


def _route(path: str, answer: Answer) -> Route:
    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            # Named, because `*` does not cover `authorization`.
            requested = request.headers.get("access-control-request-headers", "*")
            return Response(status_code=204, headers={**PREFLIGHT_HEADERS, "access-control-allow-headers": requested})
        return answer(request)

    return Route(path, endpoint, methods=["GET", "HEAD", "OPTIONS"])


def _script(sources: DeviceSources, assets: Assets | None) -> Answer:
    if assets is None:
        return _not_built
    script_of = remembered_bundles(assets)
    return lambda request: _send(request, script_of(sources.get(request.path_params["write_key"])), SHORT)


def _settings(sources: DeviceSources, assets: Assets | None, public_url: str | None) -> Answer:
    plugin_version = assets.plugin_version if assets else None

    def answer(request: Request) -> Response:
        write_key = request.path_params["write_key"]
        # An unknown key gets settings too: with an error instead, analytics.js tracks nothing and reports to Segment.
        source = sources.get(write_key) or DeviceSource(write_key=write_key, device_mode=False)
        base_url = public_url or str(request.base_url)
        body = settings_json(source, base_url.rstrip("/"), plugin_version)
        return _send(request, Asset.of(body, "application/json"), SHORT)

    return answer


def _source_config(request: Request) -> Response:
    """For RudderStack's SDKs, which name their key in the query."""
    body = source_config(request.query_params.get("writeKey", ""))
    return _send(request, Asset.of(body, "application/json"), SHORT)


def _plugin(assets: Assets | None) -> Answer:
    """Any version gets today's plugin, since older settings may still name an older one; only today's is kept long."""
    if assets is None:
        return _not_built

    def answer(request: Request) -> Response:
        is_current = request.path_params["name"] == assets.plugin_version
        return _send(request, assets.plugin, FOREVER if is_current else SHORT)

    return answer


def _file(assets: Assets | None, find: Callable[[Assets, str], Asset | None], caching: str) -> Answer:
    if assets is None:
        return _not_built

    def answer(request: Request) -> Response:
        asset = find(assets, request.path_params.get("name", ""))
        if asset is None:
            return _json(404, b'{"code":"not-found","message":"There is no such file.","success":false}')
        return _send(request, asset, caching)

    return answer


def _not_built(_request: Request) -> Response:
    return _json(503, NOT_BUILT)


def _json(status: int, body: bytes) -> Response:
    headers = {**PUBLIC_HEADERS, "cache-control": "no-store"}
    return Response(body, status, headers, media_type="application/json")


def _send(request: Request, asset: Asset, caching: str) -> Response:
    """The asset as this browser wants it: unchanged (304), gzipped or plain, without a body for HEAD."""
    headers = {**PUBLIC_HEADERS, "cache-control": caching, "etag": asset.etag, "vary": "Accept-Encoding"}
    if _has_it(request, asset.etag):
        return Response(status_code=304, headers=headers)
    body = asset.body
    if _takes_gzip(request) and len(asset.gzip) < len(asset.body):
        body = asset.gzip
        headers["content-encoding"] = "gzip"
    headers["content-length"] = str(len(body))
    return Response(b"" if request.method == "HEAD" else body, 200, headers, asset.media_type)


def _has_it(request: Request, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    return etag.removeprefix("W/") in tags or "*" in tags


def _takes_gzip(request: Request) -> bool:
    """True if `Accept-Encoding` allows gzip: by name or `*`, without `;q=0`."""
    for choice in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = choice.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
