"""Where the memory of a record is: contacts and companies have a table each, all other types share one."""

from __future__ import annotations

from typing import NamedTuple


class RecordTable(NamedTuple):
    """The table of one kind of record (`contact`, `company`, or another object type as it is stored).

    Shape: `key` and `record_id` are the columns of the record's key, and of its id in HubSpot.
    """

    name: str
    key: str
    record_id: str
    kind: str = ""

    @property
    def of_kind(self) -> str:
        """The condition for the records of a destination that are of this kind; its arguments are `in_destination`."""
        return "destination_id = ? AND object_type = ?" if self.kind else "destination_id = ?"

    def in_destination(self, destination_id: int) -> tuple[int | str, ...]:
        """The arguments of `of_kind`."""
        return (destination_id, self.kind) if self.kind else (destination_id,)


_OWN = {
    "contact": RecordTable("person", "email", "contact_id"),
    "company": RecordTable("company", "domain", "company_id"),
}


def table_of(kind: str) -> RecordTable:
    """The table of a kind of record."""
    return _OWN.get(kind) or RecordTable("object_record", "record_key", "record_id", kind)
