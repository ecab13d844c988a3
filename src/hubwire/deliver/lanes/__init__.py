"""Who drives which portal: workers, leases, and a cycle from selection to commit.

docs/contributing/lane-and-lease.md has a picture.
"""
