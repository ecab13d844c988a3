"""The snippet that a site puts into its pages: Segment's own with this server as its host, and `keep.js` behind it."""

from __future__ import annotations

import json

from hubwire.device.assets import Assets


def snippet(assets: Assets, base_url: str, write_key: str) -> str:
    """The snippet's JavaScript, without script tags. `base_url` has no slash at the end.

    Segment's snippet always writes https; on a plain http address the scheme is changed along with the host.
    """
    key = json.dumps(write_key)[1:-1].replace("<", "\\u003c")
    return assets.snippet.replace("https://@host@", base_url).replace("@key@", key)
