"""Reads a file by its bytes: removes compression, then reads tables or documents as rows of one type."""
