"""Plan: a message in, operations or a reason out. Pure: no I/O, no clock, no randomness, no logging.

Two passes per cycle: `links_of` every message teaches an `Identity`, then `plan` each message. What a message asks of
HubSpot therefore does not depend on the order in which the messages of a cycle arrived.
"""

from hubwire.plan.identity import Identity, Resolution, pointer_targets
from hubwire.plan.planner import keys_of, links_of, plan

__all__ = ["Identity", "Resolution", "keys_of", "links_of", "plan", "pointer_targets"]
