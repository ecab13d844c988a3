"""The page of import formats lists exactly the formats that the tests read, and what it says of them is so."""

from __future__ import annotations

import re

from tests.docs.pages import DOCS
from tests.unit.backfill.test_systems import FORMATS

from hubwire.backfill.records import Call

PAGE = (DOCS / "how-to" / "import-formats.md").read_text(encoding="utf-8")
HOW_TO = (DOCS / "how-to" / "backfill.md").read_text(encoding="utf-8")


def test_the_table_lists_each_format_that_is_read() -> None:
    listed = re.findall(r"^\| ([^|]+?) \| [^|]+ \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert listed[1:] == list(FORMATS)
    assert len(listed) > 25


def test_the_words_of_as_are_on_the_page() -> None:
    assert all(f"`{call}`" in HOW_TO for call in Call)
