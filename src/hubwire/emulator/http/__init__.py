"""The emulator's HTTP side: server, routing, the page, browser scripts."""
