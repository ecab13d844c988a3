"""Memory: fakes of the protocols that pass their contract suites. Nothing survives the process."""
