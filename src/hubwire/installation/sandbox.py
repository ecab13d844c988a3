"""The sandbox: the bundled emulator plays HubSpot on a loopback port of its own, so that nothing leaves the machine.

Only a process with a sandbox imports this module, because the emulator takes several megabytes.
"""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import uvicorn

from hubwire.emulator.calls.portal.seeding import seed
from hubwire.emulator.http.server import EmulatorConfig, create_app
from hubwire.emulator.store.persistence import PersistenceError
from hubwire.errors import SettingsError
from hubwire.registry.sandboxes import SANDBOX_HUB_ID, SANDBOX_TOKEN
from hubwire.settings import Settings

DEMO_EVENT = {
    "name": "clicked_buy_now_button",
    "label": "Clicked Buy Now button",
    "properties": [{"name": "value", "type": "number"}],
}
"""The event of the demo page. HubSpot drops an event that a browser sends and nobody has defined."""
STATE_FILE = "sandbox-hubspot.json"
START_SECONDS = 30.0


class Sandbox:
    """An emulator in its own thread. Its port is `emulator_port` if that is free, otherwise any free port."""

    def __init__(self, settings: Settings) -> None:
        self._socket = _listening_socket(settings.emulator_port)
        self.base_url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = EmulatorConfig(
            portal_id=int(SANDBOX_HUB_ID),
            access_token=SANDBOX_TOKEN,
            persistence_path=Path(settings.data) / STATE_FILE,
        )
        try:
            self._app = create_app(config)
        except PersistenceError as exc:
            self._socket.close()
            raise SettingsError(
                f"the sandbox's portal: {exc}", hint="Move the file away to start with an empty portal."
            ) from exc
        self.portal = self._app.state
        if not self.portal.events.definitions:
            seed(self.portal, {"event_definitions": [DEMO_EVENT]})
        self._server = uvicorn.Server(
            uvicorn.Config(self._app, loop="uvloop", http="httptools", log_config=None, access_log=False, ws="none")
        )
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(START_SECONDS)
        self._app.close()
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def _listening_socket(port: int) -> socket.socket:
    """A socket that listens at once, so that the first call waits in its queue while the server starts."""
    for candidate in (port, 0):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", candidate))
            listening.listen(128)
        except OSError:
            listening.close()
            if candidate == 0:
                raise
            continue
        return listening
    raise AssertionError("port 0 always binds")
