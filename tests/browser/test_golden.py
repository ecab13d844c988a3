"""The golden table of browser/test/golden.js through real analytics.js, in Chromium."""

from __future__ import annotations

from tests.browser.harness import HUB_ID, Host, Visit

from hubwire.plan.conversion.names import event_name

RUN_ROWS = """
(async () => {
  const { IDENTIFY, TRACK } = await import('/files/browser/test/golden.js')
  const rows = []
  const labels = []
  for (const { row, userId, traits, contact } of IDENTIFY) {
    analytics.reset()
    await (userId ? analytics.identify(userId, traits) : analytics.identify(traits))
    if (contact) rows.push([`identify: ${row}`, ['identify', contact]])
  }
  for (const { row, event, given, name, properties } of TRACK) {
    await analytics.track(event, given || {})
    if (name) rows.push([`track: ${row}`, ['trackCustomBehavioralEvent', { name, properties }]])
    labels.push([event, name || null])
  }
  await analytics.track('the end')
  return [rows, labels]
})()
"""


def test_every_row_reaches_hubspot_as_the_table_says(host: Host, visit: Visit) -> None:
    visit.open(host.add_page())
    visit.is_ready()
    rows, _ = visit.evaluate(RUN_ROWS)
    assert len(rows) > 40
    host.await_counted("event pe1234_the_end")
    commands = [command for command in host.commands() if command[0] != "setPath"][:-1]
    for (row, expected), command in zip(rows, commands, strict=True):
        assert command == expected, row


def test_browser_and_server_name_events_alike(host: Host, visit: Visit) -> None:
    """Otherwise one event would be two in HubSpot, as the browser or the server delivers it."""
    visit.open(host.add_page())
    visit.is_ready()
    _, labels = visit.evaluate(RUN_ROWS)
    for label, name in labels:
        if name is not None and not label.startswith("pe"):
            assert name == f"pe{HUB_ID}_{event_name(label)}", label
