"""What lies in a file, told by its bytes: compression, then tables or documents, as rows of one type."""
