"""Whose export a file is, told by its columns or the shape of its documents, and its rows as messages. Pure."""
