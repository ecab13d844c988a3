"""One running process: wiring, socket, pages, background chores, and its end."""
