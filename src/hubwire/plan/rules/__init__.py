"""Rules: Segment's two languages, as plain functions of a message.

A mapping says what is written (`compile_mapping`), a trigger for which messages (`compile_trigger`). Both are compiled
once; neither reads a clock, rolls dice, or looks at anything but the message.
"""

from hubwire.plan.rules.directives import MappingFailed
from hubwire.plan.rules.faults import MappingRefused
from hubwire.plan.rules.index import RuleIndex
from hubwire.plan.rules.mapping import compile_mapping
from hubwire.plan.rules.triggers import Reading, Trigger, TriggerRefused, compile_trigger, refuse_two_meanings
from hubwire.plan.rules.values import MISSING

__all__ = [
    "MISSING",
    "MappingFailed",
    "MappingRefused",
    "Reading",
    "RuleIndex",
    "Trigger",
    "TriggerRefused",
    "compile_mapping",
    "compile_trigger",
    "refuse_two_meanings",
]
