"""Every operation of the API, once."""

from hubwire.api.alerts import ALERT_OPERATIONS
from hubwire.api.regulations import REGULATION_OPERATIONS
from hubwire.api.table_messages import MESSAGE_OPERATIONS
from hubwire.api.table_registry import REGISTRY_OPERATIONS
from hubwire.api.table_rules import RULE_OPERATIONS

OPERATIONS = (*MESSAGE_OPERATIONS, *REGISTRY_OPERATIONS, *RULE_OPERATIONS, *REGULATION_OPERATIONS, *ALERT_OPERATIONS)
