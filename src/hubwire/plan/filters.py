"""The filters before the rules of a call: consent, then the `integrations` object.

They also detect that the browser has delivered a message (device mode). A message refused here adds no identity.
Sources: Segment, "Consent in Segment Connections" (consent is checked before `integrations`; no consent object lets a
message flow, an empty `categoryPreferences` refuses it); "Filtering data"; segmentio-facade `enabled()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubwire.destination import Mapping as MappingRules
from hubwire.destination import Source
from hubwire.message import Message
from hubwire.operation import Discard
from hubwire.plan.conversion.names import compressed
from hubwire.reasons import Reason

_NAMES = {
    "hubspot": 0,
    "hubspotcloudmodeactions": 1,
    "hubspotcloudmode": 1,
    "actionshubspotcloud": 1,
    "actionshubspot": 1,
    "hubspotwebactions": 2,
    "hubspotweb": 2,
    "actionshubspotweb": 2,
}
"""Display names of HubSpot destinations without case and punctuation, and their rank: the lowest named decides."""

_DISABLED = Discard(Reason.DISABLED_BY_INTEGRATIONS)
_NO_CONSENT = Discard(Reason.NO_CONSENT)


def refused(message: Message, mapping: MappingRules) -> Discard | None:
    """The discard that consent or `integrations` ask for, or None."""
    if mapping.consent_categories and not _consents(message.context.get("consent"), mapping.consent_categories):
        return _NO_CONSENT
    if message.integrations and not is_enabled(message.integrations):
        return _DISABLED
    return None


def _consents(consent: object, categories: tuple[str, ...]) -> bool:
    """True if a consent object allows all these categories. No object, or an empty one, allows everything."""
    if not isinstance(consent, dict) or "categoryPreferences" not in consent:
        return True
    preferences = consent["categoryPreferences"]
    return isinstance(preferences, dict) and all(preferences.get(category) is True for category in categories)


def is_enabled(integrations: Mapping[str, Any]) -> bool:
    """True if `integrations` allows a message for HubSpot.

    Shape: the best-ranked HubSpot name decides with true, false or an object (on); without one, `All` does.
    """
    decided: tuple[int, bool] | None = None
    for name, value in integrations.items():
        if not isinstance(value, bool | dict):
            continue
        rank = _NAMES.get(compressed(name))
        if rank is not None and (decided is None or rank < decided[0]):
            decided = (rank, value is not False)
    if decided is not None:
        return decided[1]
    every = integrations["All"] if "All" in integrations else integrations.get("all")
    return every is not False


def was_delivered_in_browser(message: Message, source: Source, mapping: MappingRules, hub_id: str) -> bool:
    """True if the page's own HubSpot tracking code has this message, for a source with device mode on.

    Shape: our plugin's mark `context.hubspot.device` decides (`loaded`; `pending` by setting) for the portal in its
    `hubId`: a page has one, a source can feed several. Without a mark, Segment's `_metadata.bundled` minus
    `failedInitializations` decides. Without both, the browser has not delivered it.
    """
    if not source.device_mode:
        return False
    hubspot = message.context.get("hubspot")
    device = hubspot.get("device") if isinstance(hubspot, dict) else None
    if isinstance(hubspot, dict) and device in ("loaded", "pending", "failed"):
        if str(hubspot.get("hubId", hub_id)) != hub_id:
            return False
        return device == "loaded" or (device == "pending" and mapping.pending_is_device)
    return _names_hubspot(message.metadata.get("bundled")) and not _names_hubspot(
        message.metadata.get("failedInitializations")
    )


def _names_hubspot(names: object) -> bool:
    return isinstance(names, list) and any(isinstance(name, str) and compressed(name) in _NAMES for name in names)
