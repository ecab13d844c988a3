"""Alerts: every rule and whether it is on, who is told, and what changed since this process started."""

from __future__ import annotations

from msgspec.structs import replace
from starlette.responses import Response

from hubwire.monitoring.alert_overview import AlertOverview
from hubwire.web.request import View


async def alerts(view: View) -> Response:
    """`/alerts`."""
    return view.render("alerts.html", await seen_alerts(view), title="Alerts", cli="hubwire alerts")


async def seen_alerts(view: View) -> AlertOverview:
    """The alerts as this viewer may see them: addresses are masked like everywhere. Errors: BackendError."""
    found = await view.read(view.deps.alerts)
    channels = [replace(one, target=view.masked_text(one.target) or "") for one in found.channels]
    return replace(found, channels=channels)
