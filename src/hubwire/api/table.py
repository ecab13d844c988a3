"""Every operation of the API, once."""

from hubwire.api.table_messages import MESSAGE_OPERATIONS
from hubwire.api.table_registry import REGISTRY_OPERATIONS
from hubwire.regulations_api import REGULATION_OPERATIONS

OPERATIONS = (*MESSAGE_OPERATIONS, *REGISTRY_OPERATIONS, *REGULATION_OPERATIONS)
