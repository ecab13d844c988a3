"""The records of one object type: by id, by e-mail, by unique property, and what search can see of them.

Holds no rule about what may be written (that is `writes`); it keeps the indexes true whatever is written.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from hubwire.emulator.moments import iso
from hubwire.emulator.store.schema import Schema

DEFAULT_READ: dict[str, tuple[str, ...]] = {
    "contacts": ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
    "companies": ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
}
CUSTOM_READ = ("hs_createdate", "hs_lastmodifieddate", "hs_object_id")


class Record:
    """One CRM record.

    Shape: `properties` holds stored text only; dates, ids and sources are computed when shown. `history` holds earlier
    values once a value has changed: name to (epoch ms, text) pairs, oldest first.
    """

    __slots__ = ("archived_at_ms", "created_at_ms", "history", "id", "properties", "updated_at_ms")

    def __init__(self, record_id: str, now_ms: int) -> None:
        self.id = record_id
        self.properties: dict[str, str] = {}
        self.created_at_ms = now_ms
        self.updated_at_ms = now_ms
        self.archived_at_ms = 0
        self.history: dict[str, list[tuple[int, str]]] | None = None

    def remember(self, name: str, before: str | None, after: str, now_ms: int, keep: int) -> None:
        """Note a change for `propertiesWithHistory`; the newest `keep` values stay."""
        if self.history is None:
            self.history = {}
        entries = self.history.get(name)
        if entries is None:
            entries = [] if before is None else [(self.created_at_ms, before)]
            self.history[name] = entries
        entries.append((now_ms, after))
        del entries[:-keep]


class ObjectStore:
    """Every record of one object type, live, archived and merged away."""

    def __init__(self, name: str, type_id: str, first_id: int, portal_id: int, required: tuple[str, ...] = ()) -> None:
        self.name = name
        self.type_id = type_id
        self.required = required
        self.singular = {"contacts": "CONTACT", "companies": "COMPANY"}.get(name, name.upper())
        self.schema = Schema(name)
        self.records: dict[str, Record] = {}
        self.redirects: dict[str, str] = {}
        self.merge_counts: dict[str, int] = {}
        self.emails: dict[str, Record] = {}
        self.unique: dict[str, dict[str, Record]] = {}
        self.blocked_emails: set[str] = set()
        self.changed: set[str] | None = None
        self.keep_history = 0
        self.modified_name = "lastmodifieddate" if name == "contacts" else "hs_lastmodifieddate"
        self.created_name = "hs_createdate" if name not in DEFAULT_READ else "createdate"
        self.read_names = DEFAULT_READ.get(name, CUSTOM_READ)
        self._url_prefix = f"https://app.hubspot.com/contacts/{portal_id}/record/{type_id}/"
        self.next_id = first_id
        self._ids: list[int] = []
        self._unindexed: deque[tuple[int, Record, dict[str, str] | None]] = deque()
        example = Record("0", 0)
        example.properties = {"email": "a@example.com"}
        self.computed_names = self.computed(example).keys() - example.properties.keys()

    # --- finding -----------------------------------------------------------------------------------------------------

    def by_id(self, record_id: str, *, archived: bool = False, follows_merge: bool = True) -> Record | None:
        """The record of an id; the id of a merged record leads to the record it became."""
        if follows_merge:
            while record_id in self.redirects:
                record_id = self.redirects[record_id]
        elif record_id in self.redirects:
            return None
        record = self.records.get(record_id)
        return record if record is not None and bool(record.archived_at_ms) is archived else None

    def by_property(self, name: str, value: str) -> Record | None:
        """The live record whose unique property (or e-mail, secondary ones too) has this value."""
        if name == "email":
            return self.emails.get(value.strip().lower())
        index = self.unique.get(name)
        return index.get(value) if index else None

    def is_id_property(self, name: str) -> bool:
        """True for the properties that can name a record: `email` of contacts, and unique ones."""
        return (name == "email" and self.name == "contacts") or name in self.schema.unique_names

    def after(self, record_id: int) -> Iterator[Record]:
        """Records with a higher id, live and archived, lowest first."""
        for index in range(bisect_right(self._ids, record_id), len(self._ids)):
            record = self.records.get(str(self._ids[index]))
            if record is not None:
                yield record

    def live(self) -> Iterator[Record]:
        """Live records, oldest first."""
        return (record for record in self.records.values() if not record.archived_at_ms)

    # --- changing ----------------------------------------------------------------------------------------------------

    def new_record(self, now_ms: int) -> Record:
        """An empty live record with a fresh id."""
        record = Record(str(self.next_id), now_ms)
        self._ids.append(self.next_id)
        self.next_id += 1
        self.records[record.id] = record
        return record

    def adopt(self, record: Record) -> None:
        """Take a record with its own id (seeding, loading), in place of an earlier form of it; indexes included."""
        before = self.records.get(record.id)
        if before is not None and not before.archived_at_ms:
            self._unindex(before)
        self.records[record.id] = record
        number = int(record.id)
        place = bisect_left(self._ids, number)
        if self._ids[place : place + 1] != [number]:
            self._ids.insert(place, number)
        self.next_id = max(self.next_id, number + 1)
        if not record.archived_at_ms:
            self._index(record, record.properties)
        self._mark(record)

    def write(self, record: Record, values: dict[str, str], now_ms: int, lag_ms: int, *, is_new: bool) -> None:
        """Set values (`""` clears), keep indexes, history and the search view."""
        stored = record.properties
        self._delay(record, None if is_new else stored, now_ms, lag_ms)
        if is_new:
            stored.update((name, value) for name, value in values.items() if value)
            self._index(record, stored)
        else:
            self._change(record, values, now_ms)
        record.updated_at_ms = now_ms
        if self.changed is not None:
            self.changed.add(record.id)

    def archive(self, record: Record, now_ms: int, lag_ms: int) -> None:
        """Send a record to the recycling bin; its e-mail and unique values are free again."""
        self._delay(record, record.properties, now_ms, lag_ms)
        record.archived_at_ms = now_ms
        self._unindex(record)
        self._mark(record)

    def forget(self, record: Record) -> None:
        """Remove a record for good, leaving no trace of it."""
        self._unindex(record)
        del self.records[record.id]
        if self._unindexed:
            self._unindexed = deque(entry for entry in self._unindexed if entry[1] is not record)
        self._mark(record)

    def redirect(self, record: Record, successor: Record) -> None:
        """Let an id lead to the record that its own was merged into."""
        del self.records[record.id]
        self.redirects[record.id] = successor.id
        self._mark(record)

    def index_unique(self, name: str) -> None:
        """Start indexing a property that has become unique (created, or restored)."""
        index = self.unique.setdefault(name, {})
        for record in self.live():
            if value := record.properties.get(name):
                index.setdefault(value, record)

    def _change(self, record: Record, values: dict[str, str], now_ms: int) -> None:
        stored = record.properties
        for name, value in values.items():
            before = stored.get(name)
            if before == value or (before is None and not value):
                continue
            if self.keep_history:
                record.remember(name, before, value, now_ms, self.keep_history)
            if name in self.unique or name in ("email", "hs_additional_emails"):
                self._reindex(record, name, before, value)
            if value:
                stored[name] = value
            else:
                del stored[name]

    def _delay(self, record: Record, seen: dict[str, str] | None, now_ms: int, lag_ms: int) -> None:
        """Let search go on seeing a record as it is for `lag_ms`; None where it does not see it yet."""
        self._catch_up(now_ms)
        if lag_ms:
            self._unindexed.append((now_ms + lag_ms, record, dict(seen) if seen is not None else None))

    def _catch_up(self, now_ms: int) -> None:
        pending = self._unindexed
        while pending and pending[0][0] <= now_ms:
            pending.popleft()

    def _mark(self, record: Record) -> None:
        if self.changed is not None:
            self.changed.add(record.id)

    def _index(self, record: Record, values: dict[str, str]) -> None:
        if self.name == "contacts":
            if email := values.get("email"):
                self.emails[email] = record
            for address in split_addresses(values.get("hs_additional_emails")):
                self.emails.setdefault(address, record)
        for name, index in self.unique.items():
            if value := values.get(name):
                index[value] = record

    def _unindex(self, record: Record) -> None:
        values = record.properties
        for address in [values.get("email", ""), *split_addresses(values.get("hs_additional_emails"))]:
            if self.emails.get(address) is record:
                del self.emails[address]
        for name, index in self.unique.items():
            if index.get(values.get(name, "")) is record:
                del index[values[name]]

    def _reindex(self, record: Record, name: str, before: str | None, after: str) -> None:
        if name in ("email", "hs_additional_emails"):
            if self.name != "contacts":
                return
            for address in split_addresses(before):
                if self.emails.get(address) is record:
                    del self.emails[address]
            for address in split_addresses(after):
                self.emails.setdefault(address, record)
            return
        index = self.unique[name]
        if before and index.get(before) is record:
            del index[before]
        if after:
            index[after] = record

    # --- showing -----------------------------------------------------------------------------------------------------

    def computed(self, record: Record) -> dict[str, str]:
        """The properties that HubSpot fills in itself."""
        record_id = record.id
        values = {
            self.created_name: iso(record.created_at_ms),
            self.modified_name: iso(record.updated_at_ms),
            "hs_object_id": record_id,
            "hs_object_source": "INTEGRATION",
            "hs_object_source_id": "emulator",
            "hs_object_source_label": "INTEGRATION",
        }
        if self.name == "contacts":
            values["hs_all_contact_vids"] = record_id
            values["hs_is_contact"] = "true"
            values["hs_is_unworked"] = "true"
            values["hs_pipeline"] = "contacts-lifecycle-pipeline"
            if email := record.properties.get("email"):
                values["email"] = email
                values["hs_email_domain"] = email.rpartition("@")[2]
            if stage := record.properties.get("lifecyclestage"):
                values["lifecyclestage"] = stage
        return values

    def view(self, record: Record, names: Iterable[str] = ()) -> dict[str, str | None]:
        """The asked-for properties plus those that always come; null where there is no value.

        An unknown or archived property is left out, as HubSpot does.
        """
        everything = {**record.properties, **self.computed(record)}
        rules = self.schema.rules
        wanted = [*(names or self.read_names), self.created_name, self.modified_name, "hs_object_id"]
        return {name: everything.get(name) for name in wanted if name in rules}

    def history_view(self, record: Record, names: Iterable[str]) -> dict[str, list[dict[str, str]]]:
        """Values over time, newest first."""
        shown: dict[str, list[dict[str, str]]] = {}
        for name in names:
            entries = (record.history or {}).get(name)
            if entries is None:
                value = record.properties.get(name)
                entries = [] if value is None else [(record.created_at_ms, value)]
            shown[name] = [
                {"value": value, "timestamp": iso(at_ms), "sourceType": "INTEGRATION", "sourceId": "emulator"}
                for at_ms, value in reversed(entries)
            ]
        return shown

    def shown(self, record: Record, properties: dict[str, Any]) -> dict[str, Any]:
        """A record in the shape of every CRM answer."""
        body: dict[str, Any] = {
            "id": record.id,
            "properties": properties,
            "createdAt": iso(record.created_at_ms),
            "updatedAt": iso(record.updated_at_ms),
            "archived": bool(record.archived_at_ms),
            "url": self._url_prefix + record.id,
        }
        if record.archived_at_ms:
            body["archivedAt"] = iso(record.archived_at_ms)
        return body

    def searchable(self, now_ms: int) -> Iterator[tuple[Record, dict[str, str]]]:
        """What the search index holds now: live records as they were one search lag ago."""
        self._catch_up(now_ms)
        before: dict[str, dict[str, str] | None] = {}
        for _, record, properties in self._unindexed:
            before.setdefault(record.id, properties)
        for record in self.records.values():
            if record.id in before:
                properties_then = before[record.id]
                if properties_then is not None:
                    yield record, properties_then
            elif not record.archived_at_ms:
                yield record, record.properties


def split_addresses(text: str | None) -> list[str]:
    """The addresses of a `;`-separated value, lower-cased."""
    return [part.strip().lower() for part in (text or "").split(";") if part.strip()]
