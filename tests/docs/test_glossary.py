"""The glossary: each word has one sentence, every state is in it, and words that were replaced occur nowhere."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from tests.docs.pages import DOCS, ROOT

from hubwire.delivery import State
from hubwire.explanations import Kind
from hubwire.record.message_filter import ReplayPart
from hubwire.record.replay import ReplayState

PACKAGE = ROOT / "src" / "hubwire"
TEXT = (DOCS / "glossary.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (.+) \| (.+) \|$", re.M)

RETIRED = {
    "a lease that is held": r"tenures?",
    "unconfirmed writes": r"(in )?doubts?",
    "the lease renewer": r"(lease.?)?keepers?",
    "outcomes": r"ledgers?",
    "the page reference, or the record": r"twins?",
    "the linger budget": r"purse",
    "a block of positions": r"stretch(es)?",
    "wake": r"pok(e|es|ed|ing)",
    "the lane": r"(the|a|stopped) lines? (stops?|stopped|has stopped|is stopped|stands still|goes on|waits|runs)"
    r"|stopped lines?|stops? the line",
    "replay": r"put(s|ting)? (it |them |messages )?back",
    "suppressed": r"kept out|keep the person out",
    "rejected": r"failed on ingest",
}
"""What is said now -> what is no longer said, as a pattern of whole words."""
RETIRED_IN_NAMES = {"tenure", "doubt", "keeper", "ledger", "twin", "twins", "asked", "purse", "stretch", "poke"}
"""Words that no name in the code has, alone or as a part: `LeaseRenewer`, not `LeaseKeeper`."""

FOLDERS_DONE = (
    "api",
    "backends",
    "backfill",
    "cli",
    "console",
    "deliver",
    "device",
    "doctor",
    "emulator/calls",
    "hubspot",
    "installation",
    "journal",
    "manage",
    "monitoring",
    "plan",
    "privacy",
    "process",
    "receive",
    "record",
    "reference",
    "registry",
    "web",
)
"""Folders of src/hubwire whose code says none of the words, `deliver/lanes` for instance: add yours."""


STORED = re.compile(r'STORED_NAME = "doubt"|\bstretch(?= [<>=?]| FROM|[,)"])')
"""Names in stored data stay: a key, and a column of the table `intake` in SQL."""


def pages() -> list[Path]:
    """The pages that may say none of the retired words."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def modules(folders: Iterable[str] = FOLDERS_DONE) -> Iterator[Path]:
    """Code and templates of the folders that are done."""
    for folder in folders:
        yield from sorted(path for path in (PACKAGE / folder).rglob("*") if path.suffix in {".py", ".html"})


def retired(text: str) -> list[str]:
    """The retired words of a text, each with what is said now."""
    return [
        f"{found[0]!r}: say {now}"
        for now, pattern in RETIRED.items()
        for found in re.finditer(rf"\b({pattern})\b", text, re.I)
    ]


def retired_names(code: str) -> list[str]:
    """The names of Python code that have a retired word as a part."""
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    names = {token.string for token in tokens if token.type == tokenize.NAME}
    return sorted(name for name in names if RETIRED_IN_NAMES & set(re.findall(r"[a-z]+", _spaced(name))))


def _spaced(name: str) -> str:
    return re.sub(r"([A-Z])", r" \1", name).lower()


def faults(text: str) -> list[str]:
    """What is wrong with a glossary's rows."""
    rows = [row for row in ROW.findall(text) if row != ("word", "meaning") and set(row[0]) != {"-"}]
    words = [word for word, _ in rows]
    wrong = [f"{word}: not a word" for word in words if not re.fullmatch(r"[a-z][A-Za-z -]*", word)]
    wrong += [f"{word}: twice" for word in sorted(set(words)) if words.count(word) > 1]
    for word, meaning in rows:
        plain = re.sub(r"`[^`]*`", "", meaning)
        if not re.fullmatch(r"[A-Z][^.!?]*\.", plain):
            wrong.append(f"{word}: not one sentence")
    return wrong if rows else ["no rows"]


def test_every_word_has_one_sentence() -> None:
    assert faults(TEXT) == []


def test_every_state_and_outcome_is_in_the_glossary() -> None:
    words = {word for word, _ in ROW.findall(TEXT)} | set(re.findall(r"this state `(\w+)`", TEXT))
    lanes = {"idle", "delivering", "paused", "stopped"}
    used = {str(word) for kind in (State, Kind, ReplayState, ReplayPart) for word in kind} | lanes
    assert used - words == set()


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_says_no_retired_word(page: Path) -> None:
    assert retired(page.read_text(encoding="utf-8")) == []


def test_the_code_of_done_folders_has_no_retired_word() -> None:
    assert all((PACKAGE / folder).exists() for folder in FOLDERS_DONE)
    found = {}
    for path in modules():
        text = STORED.sub("", path.read_text(encoding="utf-8"))
        words = retired(text) + (retired_names(text) if path.suffix == ".py" else [])
        if words:
            found[str(path.relative_to(PACKAGE))] = words
    assert found == {}


def test_a_bad_glossary_and_a_retired_word_are_seen() -> None:
    assert faults("") == ["no rows"]
    bad = "| word | meaning |\n|---|---|\n| lane | One. Two. |\n| lane | Fine. |\n| A lane | no sentence |\n"
    assert faults(bad) == ["A lane: not a word", "lane: twice", "lane: not one sentence", "A lane: not one sentence"]
    assert retired("A stopped line is in doubt.") == [
        "'in doubt': say unconfirmed writes",
        "'stopped line': say the lane",
    ]
    assert retired("the pipeline stops, an outline waits") == []
    assert retired_names("class LeaseKeeper:\n    _asked = task_id = 'asked'  # is asked for\n") == [
        "LeaseKeeper",
        "_asked",
    ]
