"""Commands that run and check the installation."""
