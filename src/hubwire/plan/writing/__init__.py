"""The operations that rules add or write instead of the default behaviour."""
