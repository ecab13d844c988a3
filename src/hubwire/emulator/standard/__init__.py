"""What each portal has from the beginning: object types, properties, association types, industries."""
