"""Workers, leases, and a lane's cycle from selection to commit.

docs/contributing/lane-and-lease.md has a picture.
"""
