"""Compiles Segment's two rule languages to plain functions of a message.

A mapping produces values (`compile_mapping`), a trigger selects messages (`compile_trigger`). Both are compiled once;
neither reads a clock, uses random numbers, or reads anything but the message.
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
