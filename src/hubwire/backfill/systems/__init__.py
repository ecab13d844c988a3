"""Recognises the system of an export by its columns or documents, and turns its rows into messages. Pure."""
