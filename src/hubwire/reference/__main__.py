"""`python -m hubwire.reference`: write the pages, or with `--check` compare them."""

import sys

from hubwire.reference.pages import main

sys.exit(main())
