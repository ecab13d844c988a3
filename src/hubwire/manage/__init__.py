"""The actions of people on an installation; console, API and commands call them."""
