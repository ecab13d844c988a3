"""The files of the browser side, read once from the build's folder and kept ready to send."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BUNDLE_FOLDER = Path(__file__).parent / "bundle"
MANIFEST = "manifest.json"
CORE, HEAD, BOOT, PLUGIN = "core.js", "head.js", "boot.js", "hubspot-device.js"
NOTICES, SNIPPET = "notices.txt", "snippet.txt"

JAVASCRIPT = "text/javascript; charset=utf-8"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Asset:
    """A body, its gzipped form, and a tag that changes with the content."""

    body: bytes
    gzip: bytes
    etag: str
    media_type: str

    @classmethod
    def of(cls, body: bytes, media_type: str = JAVASCRIPT) -> Asset:
        digest = hashlib.sha256(body).hexdigest()[:20]
        # Weak, because one tag stands for the plain and the gzipped form.
        return cls(body, _gzip(body), f'W/"{digest}"', media_type)


def _gzip(body: bytes) -> bytes:
    """The smallest gzip that zlib makes: `gzip.compress` uses less memory and a few bytes more."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits=31, memLevel=9)
    return packer.compress(body) + packer.flush()


@dataclass(frozen=True, slots=True)
class Assets:
    """The output of the build: parts of the script (`core`, `head`, `boot`), and files as served."""

    core: bytes
    head: bytes
    boot: bytes
    plugin: Asset
    plugin_version: str
    notices: Asset
    chunks: Mapping[str, Asset]
    core_version: str
    snippet: str
    """Segment's snippet and `keep.js`, with the placeholders `https://@host@` and `@key@`."""


def load_assets(folder: Path = BUNDLE_FOLDER) -> Assets | None:
    """The files of a finished build; None without one. Device mode then answers 503, and everything else works."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        plugin = Asset.of((folder / PLUGIN).read_bytes())
        return Assets(
            core=(folder / CORE).read_bytes(),
            head=(folder / HEAD).read_bytes(),
            boot=(folder / BOOT).read_bytes(),
            plugin=plugin,
            plugin_version=f"{manifest['plugin_version']}-{hashlib.sha256(plugin.body).hexdigest()[:10]}",
            notices=Asset.of((folder / NOTICES).read_bytes(), TEXT),
            chunks={name: Asset.of((folder / "chunks" / name).read_bytes()) for name in manifest["chunks"]},
            core_version=manifest["core_version"],
            snippet=(folder / SNIPPET).read_text(encoding="utf-8"),
        )
    except (OSError, ValueError, KeyError):
        return None
