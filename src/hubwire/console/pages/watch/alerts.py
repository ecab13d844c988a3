"""Alerts: every rule and whether it is on, who is notified, and the changes since this process started."""

from __future__ import annotations

from starlette.responses import Response

from hubwire.web.request import View


async def alerts(view: View) -> Response:
    """`/alerts`."""
    return view.render("watch/alerts.html", await view.alerts(), title="Alerts", cli="hubwire alerts")
