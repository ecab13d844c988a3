"""`python -m hubwire.api`: writes the reference page to standard output."""

import sys

from hubwire.api.openapi import reference
from hubwire.api.table import OPERATIONS

sys.stdout.write(reference(OPERATIONS))
