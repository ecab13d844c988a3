"""Your data beside a portal: what is there, what is missing, and its creation."""

COMPARED_MESSAGES = 5_000
"""The number of newest messages that a comparison reads by default: in the console, the API and the command line."""
