"""analytics.js in one request: the unmodified core, the HubSpot plugin, the settings and the start, in one script.

Every address and every write key with the same settings gets the same bytes: the script reads both from its own `src`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from hubwire.device.assets import Asset, Assets
from hubwire.device.page_settings import as_function
from hubwire.device.source import DeviceSource

KEPT_BUNDLES = 64
"""The number of remembered scripts, about 150 kB each. Sources with the same settings share one, and all unknown keys
share one."""

NO_SOURCE = DeviceSource(write_key="", device_mode=False)


def bundle(source: DeviceSource, assets: Assets) -> Asset:
    """The script for `/analytics.js/v1/<write key>/analytics.min.js`.

    The core is wrapped in a function that hides `define`, `module` and `exports`: on a page with an AMD loader, the
    bare file would register itself there and never start.
    """
    notice = f"/*! analytics.js {assets.core_version} (c) Segment, MIT, and parts: see analytics-next/notices.txt */\n"
    settings = as_function(source, assets.plugin_version)
    core = b"(function(exports,module,define){" + assets.core + b"\n})();\n"
    plugin = assets.plugin.body if source.uses_plugin else b""
    return Asset.of(b"".join([notice.encode(), settings, assets.head, core, plugin, assets.boot]))


def remembered_bundles(assets: Assets) -> Callable[[DeviceSource | None], Asset]:
    """`bundle`, remembering the last scripts. No visitor can fill it: only new settings make a new entry."""

    @lru_cache(maxsize=KEPT_BUNDLES)
    def kept(source: DeviceSource) -> Asset:
        return bundle(source, assets)

    return lambda source: kept(replace(source, write_key="") if source else NO_SOURCE)
