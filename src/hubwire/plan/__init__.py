"""Planning: from a message to operations or a reason. Pure: no I/O, no clock, no randomness, no logging.

A cycle has two passes: the `links_of` all messages extend an `Identity`, then each message is planned. The operations
of a message therefore do not depend on the order of arrival within a cycle.
"""

from hubwire.plan.identity import Identity, Resolution, pointer_targets
from hubwire.plan.planner import keys_of, links_of, plan

__all__ = ["Identity", "Resolution", "keys_of", "links_of", "plan", "pointer_targets"]
