"""What records are made of: object types, properties, groups and pipelines."""
