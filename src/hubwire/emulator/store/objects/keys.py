"""Finds the contact of an e-mail address and the company of a domain; includes further addresses and domains."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubwire.emulator.store.objects.records import Record

KEY_NAMES: dict[str, tuple[str, str]] = {
    "contacts": ("email", "hs_additional_emails"),
    "companies": ("domain", "hs_additional_domains"),
}


class KeyIndex:
    """The record of each address or domain.

    Shape: `main` and `further` are the properties that hold one key and a `;`-separated list of keys. The first holder
    of a key keeps it; another holder follows when the first one lets go (companies may share a domain).
    """

    def __init__(self, main: str, further: str) -> None:
        self.main = main
        self.further = further
        self.holders: dict[str, Record] = {}
        self._waiting: dict[str, list[Record]] = {}

    def find(self, key: str) -> Record | None:
        """The record with this key, in any case of letters."""
        return self.holders.get(key.strip().lower())

    def add(self, record: Record, text: str | None) -> None:
        """Give a record the keys of a value."""
        for key in split_keys(text):
            holder = self.holders.setdefault(key, record)
            if holder is not record:
                self._waiting.setdefault(key, []).append(record)

    def remove(self, record: Record, text: str | None) -> None:
        """Take the keys of a value from a record."""
        for key in split_keys(text):
            waiting = self._waiting.get(key, [])
            if record in waiting:
                waiting.remove(record)
            elif self.holders.get(key) is record:
                if waiting:
                    self.holders[key] = waiting.pop(0)
                else:
                    del self.holders[key]
            if key in self._waiting and not waiting:
                del self._waiting[key]


def split_keys(text: str | None) -> list[str]:
    """The keys of a `;`-separated value, lower-cased."""
    if not text:
        return []
    if ";" not in text:
        key = text.strip().lower()
        # Return the same object when nothing changed, so that the index holds no second copy of each address.
        return [text if key == text else key] if key else []
    return [part.strip().lower() for part in text.split(";") if part.strip()]
