"""The records of one object type: by id, by e-mail, by unique property, and what search can see of them.

Holds no rule about what may be written (that is `writes`); it keeps the indexes true whatever is written.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hubwire.emulator.moments import iso
from hubwire.emulator.standard.kinds import Kind
from hubwire.emulator.store.change_log import ChangeLog
from hubwire.emulator.store.objects.history import API, ASSOCIATION, Entry, History, Origin, Version
from hubwire.emulator.store.objects.keys import KEY_NAMES, KeyIndex
from hubwire.emulator.store.objects.packed import Packed, pack, unpack
from hubwire.emulator.store.objects.schema import Schema

MAX_AWAKE = 20_000  # of one object type: the records whose values are never packed


class Record:
    """One CRM record.

    Shape: `properties` holds stored text only; dates, ids and sources are computed when shown. A record at rest
    keeps its values packed, and `properties` is a copy: wake it before changing a value. `history` holds every
    version of a property whose value has changed, or was seeded with a time; a property without an entry was written
    once, when the record was made, by `origin`.
    """

    __slots__ = (
        "archived_at_ms",
        "awake",
        "created_at_ms",
        "history",
        "id",
        "origin",
        "packed",
        "updated_at_ms",
    )

    def __init__(self, record_id: str, now_ms: int, origin: Origin = API) -> None:
        self.id = record_id
        self.awake: dict[str, str] | None = {}
        self.packed: Packed | None = None
        self.created_at_ms = now_ms
        self.updated_at_ms = now_ms
        self.archived_at_ms = 0
        self.origin = origin
        self.history: History | None = None

    @property
    def properties(self) -> dict[str, str]:
        """The stored values by name."""
        if self.awake is not None:
            return self.awake
        return unpack(self.packed) if self.packed is not None else {}

    @properties.setter
    def properties(self, values: dict[str, str]) -> None:
        self.awake, self.packed = values, None

    def rest(self) -> None:
        """Pack the values."""
        values = self.awake
        if values is not None:
            self.awake, self.packed = None, pack(values)

    def wake(self) -> dict[str, str]:
        """The values, ready to be changed."""
        values = self.awake
        if values is None:
            values = self.properties = self.properties
        return values

    def versions(self, name: str) -> list[Version]:
        """The versions of a property, oldest first."""
        if self.history is not None and name in self.history:
            return [Version(*entry) for entry in self.history[name]]
        return [Version(*entry) for entry in self._first(name, self.properties.get(name))]

    def add(self, name: str, value: str) -> None:
        """Set a value that the record does not have yet, without a history entry of its own."""
        self.wake()[name] = value

    def remember(self, name: str, before: str | None, entry: Entry, keep: int) -> None:
        """Note a change from `before`; the newest `keep` versions stay."""
        if self.history is None:
            self.history = {}
        entries = self.history.get(name)
        if entries is None:
            entries = self.history[name] = self._first(name, before)
        entries.append(entry)
        if len(entries) > keep:
            del entries[:-keep]

    def _first(self, name: str, value: str | None) -> list[Entry]:
        if value is None:
            return []
        # HubSpot itself writes this mirror of the primary company, whoever created the contact.
        origin = ASSOCIATION if name == "associatedcompanyid" else self.origin
        return [(self.created_at_ms, value) if origin == API else (self.created_at_ms, value, origin)]


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
        self.changes: ChangeLog | None = None
        """Where updates are noted, if an app subscribed to this type."""
        self.keep_history = 0
        self.modified_name = kind.modified
        self.created_name = kind.created
        self.read_names = kind.reads_unasked()
        self._url_prefix = f"https://app.hubspot.com/contacts/{portal_id}/record/{kind.type_id}/"
        self.first_id = self.next_id = first_id
        self._ids = array("q")
        self._unindexed: deque[tuple[int, Record, dict[str, str] | Packed | None]] = deque()
        self.written: list[Record] = []
        self._awake_count = 0
        self._stamp: tuple[int, int, Origin] | None = None
        self._stamped: dict[str, str] = {}
        example = Record("0", 0)
        self.computed_names = self.computed(example, {"email": "a@example.com"}).keys() - {"email"}

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

    def create(self, values: dict[str, str], now_ms: int, lag_ms: int, origin: Origin = API) -> Record:
        """A new live record with a fresh id and its first values."""
        number = self.next_id
        self.next_id = number + 1
        record_id = str(number)
        record = self.records[record_id] = Record(record_id, now_ms, origin)
        self._ids.append(number)
        if lag_ms:
            self._unindexed.append((now_ms + lag_ms, record, None))
        # Both checks run in C, which matters: most writes have no empty value.
        stored = values.copy() if all(values.values()) else {name: value for name, value in values.items() if value}
        record.awake = stored
        self.written.append(record)
        self._index(record, stored)
        if self.changed is not None:
            self.changed.add(record_id)
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
        self.written.append(record)
        self._mark(record)

    def write(self, record: Record, values: dict[str, str], now_ms: int, lag_ms: int, origin: Origin = API) -> None:
        """Set values of a known record (`""` clears), keep indexes, history and the search view."""
        if not values.items() <= record.properties.items():
            self._delay(record, now_ms, lag_ms)
            if self.changes is not None:
                before = record.properties
                fresh = {name: value for name, value in values.items() if before.get(name, "") != value}
                self.changes.note_update(self.type_id, record.id, fresh, now_ms)
            self._change(record, values, now_ms, origin)
        record.updated_at_ms = now_ms
        if self.changed is not None:
            self.changed.add(record.id)

    def archive(self, record: Record, now_ms: int, lag_ms: int) -> None:
        """Send a record to the recycling bin; its e-mail and unique values are free again."""
        self._delay(record, now_ms, lag_ms)
        record.archived_at_ms = now_ms
        self._unindex(record)
        self._mark(record)

    def restore(self, record: Record, now_ms: int, lag_ms: int) -> None:
        """Take a record out of the recycling bin."""
        self._delay(record, now_ms, lag_ms, is_new=True)
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

    def settle(self, now_ms: int) -> None:
        """Pack the values written by the call that ends, beyond the first `MAX_AWAKE` records.

        At once, because packing later costs more: by then their texts have left the processor's cache.
        """
        room = MAX_AWAKE - self._awake_count
        for record in self.written[max(room, 0) :]:
            record.rest()
        self._awake_count += min(len(self.written), max(room, 0))
        self.written.clear()
        self._catch_up(now_ms)

    def index_unique(self, name: str) -> None:
        """Start indexing a property that has become unique (created, or restored)."""
        index = self.unique.setdefault(name, {})
        self._indexed.add(name)
        for record in self.live():
            if value := record.properties.get(name):
                index.setdefault(value, record)

    def _change(self, record: Record, values: dict[str, str], now_ms: int, origin: Origin) -> None:
        if record.awake is None:
            self.written.append(record)
        stored, keep, indexed = record.wake(), self.keep_history, self._indexed
        is_usual = origin is API
        for name, value in values.items():
            before = stored.get(name)
            if before == value or (before is None and not value):
                continue
            if keep:
                record.remember(name, before, (now_ms, value) if is_usual else (now_ms, value, origin), keep)
            if name in indexed:
                self._reindex(record, name, before, value)
            if value:
                stored[name] = value
            else:
                del stored[name]

    def _delay(self, record: Record, now_ms: int, lag_ms: int, *, is_new: bool = False) -> None:
        """Let search go on seeing a record as it is for `lag_ms`, or not at all where it is new."""
        self._catch_up(now_ms)
        if lag_ms:
            seen = None if is_new else record.packed if record.awake is None else dict(record.awake)
            self._unindexed.append((now_ms + lag_ms, record, seen))

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

    def computed(self, record: Record, stored: Mapping[str, str] | None = None) -> dict[str, str]:
        """The properties that HubSpot fills in itself; `stored` spares reading the record's values again."""
        stamp = (record.created_at_ms, record.updated_at_ms, record.origin)
        if stamp != self._stamp:
            self._stamp, self._stamped = stamp, self._of_stamp(*stamp)
        values = self._stamped.copy()
        values["hs_object_id"] = record_id = record.id
        if self.name == "contacts":
            values["hs_all_contact_vids"] = record_id
            stored = record.properties if stored is None else stored
            if email := stored.get("email"):
                values["email"] = email
                values["hs_email_domain"] = email.rpartition("@")[2]
            if stage := stored.get("lifecyclestage"):
                values["lifecyclestage"] = stage
        return values

    def _of_stamp(self, created_at_ms: int, updated_at_ms: int, origin: Origin) -> dict[str, str]:
        """The computed properties that all records of one call share, so that a batch makes them once."""
        kind, source_id, _ = origin
        values = {
            self.created_name: iso(created_at_ms),
            self.modified_name: iso(updated_at_ms),
            "hs_object_id": "",
            "hs_object_source": kind,
            "hs_object_source_id": source_id,
            "hs_object_source_label": kind,
        }
        if self.name == "contacts":
            values["hs_all_contact_vids"] = ""
            values["hs_is_contact"] = values["hs_is_unworked"] = "true"
            values["hs_pipeline"] = "contacts-lifecycle-pipeline"
        return values

    def new_values(self, record: Record, stored: Mapping[str, str] | None = None) -> dict[str, str]:
        """Further properties that the answer to a create carries; `stored` as in `computed`."""
        if self.name != "contacts":
            return {}
        values = record.properties if stored is None else stored
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
        stored = record.properties
        everything = {**stored, **self.computed(record, stored)}
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
        before: dict[str, dict[str, str] | Packed | None] = {}
        for _, record, snapshot in self._unindexed:
            before.setdefault(record.id, snapshot)
        for record in self.records.values():
            if record.id in before:
                seen = before[record.id]
                if seen is not None:
                    yield record, seen if isinstance(seen, dict) else unpack(seen)
            elif not record.archived_at_ms:
                yield record, record.properties
