"""Files of history that an admin imports: their preview and their way through the console."""
