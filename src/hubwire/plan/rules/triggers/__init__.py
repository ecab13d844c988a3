"""Compiles triggers, Segment's language that selects messages, in two readings."""

from hubwire.plan.rules.triggers.conditions import Reach
from hubwire.plan.rules.triggers.documented import TriggerRefused
from hubwire.plan.rules.triggers.trigger import Reading, Trigger, compile_trigger, refuse_two_meanings

__all__ = ["Reach", "Reading", "Trigger", "TriggerRefused", "compile_trigger", "refuse_two_meanings"]
