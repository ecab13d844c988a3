"""The connections to HubSpot's hosts, as a transport of httpx2: tests put another one in its place.

aiohttp reads and writes HTTP in C. With httpx2's own transport, a call took five times the CPU time.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
from yarl import URL

MAX_LINE_BYTES = 64 * 1024
"""The longest header or status line of an answer."""


@dataclass(frozen=True, slots=True)
class ClientPolicy:
    """Limits of every exchange. HubSpot's edge gives up after 100 s (its 524)."""

    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    max_connections: int = 20
    keepalive_seconds: float = 30.0
    max_answer_bytes: int = 16 * 1024 * 1024


class Connections(httpx2.AsyncBaseTransport):
    """A pool of connections. It belongs to the event loop of its first request.

    Shape: the proxies of the environment are used; redirects and cookies are not followed.
    """

    def __init__(self, policy: ClientPolicy, certificates: ssl.SSLContext) -> None:
        self._policy = policy
        self._certificates = certificates
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[str, str | None] = {}
        """The proxy of each origin; None for a direct connection."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises httpx2.TransportError."""
        url = str(request.url)
        with _translated():
            answer = await self._opened().request(
                request.method,
                URL(url, encoded=True),
                data=request.content or None,
                headers=request.headers,
                allow_redirects=False,
                proxy=self._proxy(request.url),
            )
        return httpx2.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer), request=request)

    async def aclose(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            policy = self._policy
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=policy.max_connections,
                    ssl=self._certificates,
                    keepalive_timeout=policy.keepalive_seconds,
                ),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=policy.connect_seconds, sock_read=policy.read_seconds
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                # httpx2 decompresses, piece by piece, so that the size of an answer is bounded.
                auto_decompress=False,
                max_line_size=MAX_LINE_BYTES,
                max_field_size=MAX_LINE_BYTES,
            )
            # The limiter counts calls, and a repeated DELETE has another answer: aiohttp must not repeat any itself.
            self._session._retry_connection = False
        return self._session

    def _proxy(self, url: httpx2.URL) -> str | None:
        origin = f"{url.scheme}://{url.netloc.decode()}"
        if origin not in self._proxies:
            proxies = getproxies()
            proxy = None if proxy_bypass(url.netloc.decode()) else proxies.get(url.scheme) or proxies.get("all")
            self._proxies[origin] = proxy
        return self._proxies[origin]


class _Body(httpx2.AsyncByteStream):
    """The body of an answer as it arrives."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            async for part in self._answer.content.iter_any():
                yield part

    async def aclose(self) -> None:
        # An answer that was not read to its end closes its connection.
        self._answer.close() if not self._answer.content.at_eof() else self._answer.release()


@contextmanager
def _translated() -> Iterator[None]:
    """Map aiohttp's errors to httpx2's."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as exc:
        raise httpx2.ConnectTimeout(_text(exc)) from exc
    except aiohttp.ServerTimeoutError as exc:
        raise httpx2.ReadTimeout(_text(exc)) from exc
    except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as exc:
        raise httpx2.ConnectError(_text(exc)) from exc
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as exc:
        raise httpx2.UnsupportedProtocol(_text(exc)) from exc
    except aiohttp.ClientOSError as exc:
        raise httpx2.ReadError(_text(exc)) from exc
    except aiohttp.ClientError as exc:
        raise httpx2.RemoteProtocolError(_text(exc)) from exc


def _text(exc: Exception) -> str:
    return str(exc) or type(exc).__name__
