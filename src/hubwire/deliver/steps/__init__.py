"""The steps of a cycle in sending order: provision, companies, contacts, associations, events."""
