"""What people do to an installation, whatever they do it with: console, API and commands call this."""
