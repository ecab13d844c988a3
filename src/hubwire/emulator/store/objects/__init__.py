"""The records of all object types: their values, rules, keys and histories."""
