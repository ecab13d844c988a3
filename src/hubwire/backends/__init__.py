"""One folder per technology: each implements the protocols of journal, record and registry."""
