"""The emulator's socket: server, routing, the page, browser scripts."""
