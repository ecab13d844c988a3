"""The default behaviour: one module for each type of call."""
