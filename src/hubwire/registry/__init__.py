"""Sources and destinations: who sends, where it goes, and the secrets that go with them."""
