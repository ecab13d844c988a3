"""Configurations of Segment and RudderStack, taken over as rules: files, their parts, and a verdict for each part.

Pure, except for reading the files. Code of functions and transformations is never read out, and neither are secrets.
"""

from hubwire.manage.takeover.files import read_findings
from hubwire.manage.takeover.taking import TakeOver, Verdict, VerdictLine, take_over

__all__ = ["TakeOver", "Verdict", "VerdictLine", "read_findings", "take_over"]
