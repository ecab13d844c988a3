"""`python -m hubwire`: the same as the command `hubwire`."""

from hubwire.cli import main

if __name__ == "__main__":
    main()
