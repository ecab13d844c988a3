"""The records of one object type: by id, by e-mail, by unique property, and what search can see of them.

Holds no rule about what may be written (that is `writes`); it keeps the indexes true whatever is written.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from hubwire.emulator.moments import iso
from hubwire.emulator.store.history import API, ASSOCIATION, Entry, History, Origin, Version, entry_of
from hubwire.emulator.store.keys import KEY_NAMES, KeyIndex
from hubwire.emulator.store.kinds import Kind
from hubwire.emulator.store.schema import Schema


class Record:
    """One CRM record.

    Shape: `properties` holds stored text only; dates, ids and sources are computed when shown. `history` holds every
    version of a property whose value has changed, or was seeded with a time; a property without an entry was written
    once, when the record was made, by `origin`.
    """

    __slots__ = ("archived_at_ms", "created_at_ms", "history", "id", "origin", "properties", "updated_at_ms")

    def __init__(self, record_id: str, now_ms: int, origin: Origin = API) -> None:
        self.id = record_id
        self.properties: dict[str, str] = {}
        self.created_at_ms = now_ms
        self.updated_at_ms = now_ms
        self.archived_at_ms = 0
        self.origin = origin
        self.history: History | None = None

    def versions(self, name: str) -> list[Version]:
        """The versions of a property, oldest first."""
        if self.history is not None and name in self.history:
            return [Version(*entry) for entry in self.history[name]]
        value = self.properties.get(name)
        if value is None:
            return []
        # HubSpot itself writes this mirror of the primary company, whoever created the contact.
        return [Version(self.created_at_ms, value, ASSOCIATION if name == "associatedcompanyid" else self.origin)]

    def remember(self, name: str, entry: Entry, keep: int) -> None:
        """Note a change; the newest `keep` versions stay."""
        if self.history is None:
            self.history = {}
        entries = self.history.get(name)
        if entries is None:
            entries = self.history[name] = [entry_of(version) for version in self.versions(name)]
        entries.append(entry)
        if len(entries) > keep:
            del entries[:-keep]


class ObjectStore:
    """Every record of one object type, live, archived and merged away."""

    def __init__(self, kind: Kind, first_id: int, portal_id: int) -> None:
        name = kind.name
        self.kind = kind
        self.name = name
        self.type_id = kind.type_id
        self.required = kind.required
        self.singular = kind.singular
        self.word = kind.word
        self.schema = Schema(name)
        self.records: dict[str, Record] = {}
        self.redirects: dict[str, str] = {}
        self.merge_counts: dict[str, int] = {}
        self.keys = KeyIndex(*KEY_NAMES[name]) if name in KEY_NAMES else None
        self.unique: dict[str, dict[str, Record]] = {}
        self._indexed = set(KEY_NAMES.get(name, ()))
        self.blocked_emails: set[str] = set()
        self.changed: set[str] | None = None
        self.keep_history = 0
        self.modified_name = kind.modified
        self.created_name = kind.created
        self.read_names = kind.reads_unasked()
        self._url_prefix = f"https://app.hubspot.com/contacts/{portal_id}/record/{kind.type_id}/"
        self.first_id = self.next_id = first_id
        self._ids = array("q")
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
            return self.keys.find(value) if self.keys is not None else None
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

    def new_record(self, now_ms: int, origin: Origin = API) -> Record:
        """An empty live record with a fresh id."""
        record = Record(str(self.next_id), now_ms, origin)
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

    def fill(self, record: Record, values: dict[str, str], now_ms: int, lag_ms: int) -> None:
        """Set the first values of a new record."""
        self._delay(record, None, now_ms, lag_ms)
        stored = record.properties = {name: value for name, value in values.items() if value}
        self._index(record, stored)
        record.updated_at_ms = now_ms
        if self.changed is not None:
            self.changed.add(record.id)

    def write(self, record: Record, values: dict[str, str], now_ms: int, lag_ms: int, origin: Origin = API) -> None:
        """Set values of a known record (`""` clears), keep indexes, history and the search view."""
        self._delay(record, record.properties, now_ms, lag_ms)
        self._change(record, values, now_ms, origin)
        record.updated_at_ms = now_ms
        if self.changed is not None:
            self.changed.add(record.id)

    def archive(self, record: Record, now_ms: int, lag_ms: int) -> None:
        """Send a record to the recycling bin; its e-mail and unique values are free again."""
        self._delay(record, record.properties, now_ms, lag_ms)
        record.archived_at_ms = now_ms
        self._unindex(record)
        self._mark(record)

    def restore(self, record: Record, now_ms: int, lag_ms: int) -> None:
        """Take a record out of the recycling bin."""
        self._delay(record, None, now_ms, lag_ms)
        record.archived_at_ms = 0
        record.updated_at_ms = now_ms
        self._index(record, record.properties)
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
        self._indexed.add(name)
        for record in self.live():
            if value := record.properties.get(name):
                index.setdefault(value, record)

    def _change(self, record: Record, values: dict[str, str], now_ms: int, origin: Origin) -> None:
        stored, keep, indexed = record.properties, self.keep_history, self._indexed
        is_usual = origin is API
        for name, value in values.items():
            before = stored.get(name)
            if before == value or (before is None and not value):
                continue
            if keep:
                record.remember(name, (now_ms, value) if is_usual else (now_ms, value, origin), keep)
            if name in indexed:
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
        if self.keys is not None:
            self.keys.add(record, values.get(self.keys.main))
            if self.keys.further in values:
                self.keys.add(record, values[self.keys.further])
        for name, index in self.unique.items():
            if value := values.get(name):
                index[value] = record

    def _unindex(self, record: Record) -> None:
        values = record.properties
        if self.keys is not None:
            self.keys.remove(record, values.get(self.keys.main))
            self.keys.remove(record, values.get(self.keys.further))
        for name, index in self.unique.items():
            if index.get(values.get(name, "")) is record:
                del index[values[name]]

    def _reindex(self, record: Record, name: str, before: str | None, after: str) -> None:
        if self.keys is not None and name in (self.keys.main, self.keys.further):
            self.keys.remove(record, before)
            self.keys.add(record, after)
        if name not in self.unique:
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
        kind, source_id, _ = record.origin
        values = {
            self.created_name: iso(record.created_at_ms),
            self.modified_name: iso(record.updated_at_ms),
            "hs_object_id": record_id,
            "hs_object_source": kind,
            "hs_object_source_id": source_id,
            "hs_object_source_label": kind,
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

    def new_values(self, record: Record) -> dict[str, str]:
        """Further properties that the answer to a create carries."""
        if self.name != "contacts":
            return {}
        values = record.properties
        first, last = values.get("firstname", ""), values.get("lastname", "")
        values_of_new = {
            "hs_full_name_or_email": f"{first} {last}".strip() or values.get("email", ""),
            "hs_registered_member": "0",
            "num_notes": "0",
        }
        if values.get("lifecyclestage") == "lead":
            values_of_new["hs_lifecyclestage_lead_date"] = str(record.created_at_ms)
        return values_of_new

    def view(self, record: Record, names: Iterable[str] = ()) -> dict[str, str | None]:
        """The asked-for properties plus those that always come; null where there is no value.

        An unknown or archived property is left out, as HubSpot does.
        """
        everything = {**record.properties, **self.computed(record)}
        if names:
            everything = {**self.new_values(record), **everything}
        rules = self.schema.rules
        shown_names = [*(names or self.read_names), self.created_name, self.modified_name, "hs_object_id"]
        return {name: everything.get(name) for name in shown_names if name in rules}

    def history_view(self, record: Record, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """Versions of the named properties, newest first."""
        computed = self.computed(record)
        shown: dict[str, list[dict[str, Any]]] = {}
        for name in names:
            versions = record.versions(name)
            if not versions and name in computed:
                versions = [Version(record.created_at_ms, computed[name], record.origin)]
            shown[name] = [version.shown() for version in reversed(versions)]
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
