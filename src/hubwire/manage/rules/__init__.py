"""Rules of a destination as people work on them: changes, checks against the portal, tests with a message, hints."""
