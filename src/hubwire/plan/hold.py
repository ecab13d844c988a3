"""The fate of a message whose person nobody knows yet."""

from __future__ import annotations

from hubwire.destination import Source
from hubwire.operation import Discard, Hold, hold_key
from hubwire.plan.identity import Resolution
from hubwire.reasons import Reason


def unknown_person(source: Source, resolution: Resolution, reason: Reason = Reason.UNKNOWN_PERSON) -> Discard | Hold:
    """A hold until one of the ids is linked; without an id that can be a person's there is nothing to wait for."""
    if not resolution.keys:
        return Discard(Reason.NEVER_IDENTIFIED, "none of its ids can be a person's")
    return Hold(reason, tuple([hold_key(source.identity_space, key) for key in resolution.keys]))
