"""History from files: what is read, what it would cost, and where a stopped import goes on."""
