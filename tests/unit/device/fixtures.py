"""Assets that need no build, and sources in a dictionary."""

from __future__ import annotations

from hubwire.device.assets import TEXT, Asset, Assets
from hubwire.device.source import DeviceSource

SOURCE = DeviceSource(write_key="WEBKEY", hub_id="1234")


def made_assets() -> Assets:
    return Assets(
        core=b"CORE;" * 50,
        head=b"HEAD;",
        boot=b"BOOT;",
        plugin=Asset.of(b"PLUGIN;" * 30),
        plugin_version="1.0.0-abc",
        notices=Asset.of(b"MIT, and so on\n" * 20, TEXT),
        chunks={"x.bundle.1.js": Asset.of(b"CHUNK;" * 40)},
        core_version="1.84.3",
        snippet='t.src="https://@host@/analytics.js/v1/"+key;analytics._writeKey="@key@";analytics.load("@key@");',
    )


class Sources(dict[str, DeviceSource]):
    """Sources by write key."""

    def __init__(self, *sources: DeviceSource) -> None:
        super().__init__({source.write_key: source for source in sources})
