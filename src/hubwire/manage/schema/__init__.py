"""Your data beside a portal: what is there, what is missing, and its creation."""
