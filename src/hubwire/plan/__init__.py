"""Planning: from a message to operations or a reason. Pure: no I/O, no clock, no randomness, no logging.

A cycle has two passes: the `links_of` all messages extend an `Identity`, then each message is planned. The operations
of a message therefore do not depend on the order of arrival within a cycle.

The way of a message through the folders; each uses only those below it:

    planner         the links of a message, and its plan
    writing/        the operations that rules add, or write instead of the default behaviour
    calls/          the default behaviour: one module for each type of call
    rulebook        what is decided once for a mapping and a portal's schema
    identity, emails, company, record_keys, hold    who and what a message is about, and the wait for it
    rules/          rules, compiled: triggers, directives, texts; `presets/` are rules in files
    conversion/     from traits and properties to HubSpot's names and values
"""

from hubwire.plan.identity import Identity, Resolution, pointer_targets
from hubwire.plan.planner import keys_of, links_of, plan

__all__ = ["Identity", "Resolution", "keys_of", "links_of", "plan", "pointer_targets"]
