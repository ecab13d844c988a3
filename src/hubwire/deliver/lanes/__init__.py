"""Who drives which portal: workers, leases, and a cycle from taking on to committing."""
