"""Puts the browser files into wheels and source distributions, so that installing needs neither Node.js nor network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BrowserFiles(BuildHookInterface[Any]):
    """Builds them, or leaves them out with a warning: device mode then answers 503 and everything else works."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root) / "src"))
        from hubwire.device.build import ensure_built
        from hubwire.device.node import BuildFailed

        try:
            self.app.display_info(ensure_built())
        except BuildFailed as problem:
            self.app.display_warning(f"without the browser files: {problem}")
        build_data["artifacts"].append("src/hubwire/device/bundle/**")
