"""Every operation of the API, once."""

from hubwire.api.regulations import REGULATION_OPERATIONS
from hubwire.api.table_messages import MESSAGE_OPERATIONS
from hubwire.api.table_registry import REGISTRY_OPERATIONS

OPERATIONS = (*MESSAGE_OPERATIONS, *REGISTRY_OPERATIONS, *REGULATION_OPERATIONS)
