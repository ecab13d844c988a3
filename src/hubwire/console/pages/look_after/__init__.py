"""Pages for the installation itself: system, audit, members, deletion requests."""
