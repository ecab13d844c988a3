"""Sentences that readers had to read twice, and were rewritten, do not come back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.pages import DOCS, ROOT, prose

PACKAGE = ROOT / "src" / "hubwire"

REWRITTEN = (
    "would put back and about how many",
    "have no more together",
    "leads to exactly these messages",
    "leaves untouched what",
    "lets them wait by itself",
    "keeps what came after it",
    "is counted away",
    "along a row of aliases",
    "what an identify call said of",
    "Four things tell how",
    "What lasts is told",
    "what flickers",
    "as far as that process",
    "is for you to say",
    "After the upgrade pause and resume",
    "shall be where your",
    "the old file refuses to be",
    "with what comes from now on",
    "It is to be there while",
    "What messages were received in the last",
    "If nobody here is known by",
    "Put no more of it back",
    "what it has done with them so far",
    "Only what failed on ingest",
    "what no message brings",
    "for want of a good one",
    "Also the stages of what",
    "One message, whole",
    "is only said to be there",
    "neither estimate nor ask",
    "signs in besides",
    "would not be asked anything",
    "HubSpot could not be asked",
    "had moved on meanwhile",
    "was not so any more",
    "has told whose it is",
    "Received to settled",
    "takes messages of its allowed origins only",
    "What is said of HubSpot holds",
    "by the mapping of today",
    "Of two types for one property",
    "Both sides as they are after",
    "What helps: Nothing",
    "is not one, and no other source",
    "where the call is made",
    "stands still for a reason",
    "Nobody is told:",
    "is silent for so many",
    "Messages beside the portal",
    "messages bring, and what HubSpot has",
    "Give a field a place",
    "anybody can have made it up",
    "Searches that no index helps",
    "No message fits",
    "They wait for a person",
    "was delivered in this time",
    "Another time",
    "Needs a look",
    "Not possible",
    "it stands in the account menu",
    "What it asks of HubSpot",
    "Asked HubSpot",
    "Why it is discarded",
    "says anything of consent",
    "What waits, consent",
    "Nothing of this goes",
    "Carry it out",
    "one a line",
    "A company is known by",
    "In small letters",
    "at their default",
    "the server refused the import",
    "hubwire: name the destination",
    "Make sources and destinations what",
    "Obey a deletion request",
    "Bring the past",
    "Look before anything is sent",
)
"""Parts of sentences, in any case of letters. They occur neither on a page nor in code or templates."""

FOREIGN = (
    r"\bshall\b",
    r"what came of",
    r"\bas far as\b",
    r"exists? already",
    r"for want of",
    r"\ball the same\b",
    r"\b(is|are) told\b(?! to\b)",
    r"\bonly said to\b",
    r"(?<=[.:] )Of (the|those|them|it)\b",
    r"\bof today\b",
    r"\bso many (hours|days|messages)\b",
)
"""Phrases of foreign grammar, as patterns. They do not occur in text that users read."""


def readable() -> list[Path]:
    """The pages and the console's templates."""
    templates = sorted((PACKAGE / "console" / "templates").rglob("*.html"))
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md")), *templates]


def rewritten(text: str) -> list[str]:
    """The rewritten sentences that a text has again."""
    plain = re.sub(r"\s+", " ", text).lower()
    return [sentence for sentence in REWRITTEN if sentence.lower() in plain]


def foreign(text: str) -> list[str]:
    """The phrases of foreign grammar in a text."""
    plain = re.sub(r"\s+", " ", prose(text))
    return [found[0] for pattern in FOREIGN for found in re.finditer(pattern, plain, re.I)]


@pytest.mark.parametrize("page", readable(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_plain_sentences(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert rewritten(text) + foreign(text) == []


def test_the_code_has_no_sentence_that_was_rewritten() -> None:
    modules = sorted(PACKAGE.rglob("*.py"))
    found = {str(path.relative_to(PACKAGE)): rewritten(path.read_text(encoding="utf-8")) for path in modules}
    assert {path: sentences for path, sentences in found.items() if sentences} == {}


def test_an_old_sentence_is_seen() -> None:
    assert rewritten("nobody\n    IS told: no webhook") == ["Nobody is told:"]
    assert foreign("It waits. Of those that are told, none exists already `as far as`.") == [
        "exists already",
        "are told",
        "Of those",
    ]
    assert foreign("a failure that it is told to make; all of the same, of todays") == []
