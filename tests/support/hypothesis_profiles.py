"""The same examples in every run; `make test-slow` explores: more examples, with a seed that it prints.

Only folders with generated tests import this: loading Hypothesis takes as long as a hundred unit tests.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("same-every-time", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None, print_blob=True)


def pytest_configure(config: pytest.Config) -> None:
    """Load the profile, unless the command line names one."""
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile("same-every-time")
