"""Which record is associated with which, and under which labels. Both directions of a link are kept.

Type ids and the primary and unlabelled pairs come from HubSpot's associations guide; that a contact has one primary
company, and that taking the unlabelled link away takes every label away, come from there too.
"""

from __future__ import annotations

from collections.abc import Iterator

from hubwire.emulator.standard.association_ids import (
    AssociationType,
    Pair,
    built_in,
    primary_ids,
)
from hubwire.emulator.wire import invalid

_PRIMARY = primary_ids()
PRIMARY_COMPANY = 1
_FIRST_COMPANY, _FIRST_CONTACT = (279, PRIMARY_COMPANY), (280, 2)


class Associations:
    """Links and label definitions of a portal.

    Shape: `links[(from, to)][from_id][to_id]` is the tuple of type ids, the unlabelled one always among them.
    `touched` holds the contacts whose primary company may have changed.
    """

    def __init__(self) -> None:
        self.types: dict[Pair, list[AssociationType]] = built_in()
        self.links: dict[Pair, dict[str, dict[str, tuple[int, ...]]]] = {}
        self.changed: set[tuple[str, str, str, str]] | None = None
        self.touched: set[str] = set()
        self.next_type_id = 1_001
        self._held: dict[tuple[int, ...], tuple[int, ...]] = {}
        self._shared: dict[tuple[str, tuple[int, ...]], dict[str, tuple[int, ...]]] = {}

    def types_of(self, from_type: str, to_type: str) -> list[AssociationType]:
        """The label definitions of a pair, the unlabelled one first; a pair with none yet gets its unlabelled one."""
        known = self.types.get((from_type, to_type))
        if known is None:
            self._define(from_type, to_type, None, None, "")
            known = self.types[from_type, to_type]
        return known

    def default_type(self, from_type: str, to_type: str) -> AssociationType:
        """The unlabelled association of a pair."""
        return self.types_of(from_type, to_type)[0]

    def find_type(self, from_type: str, to_type: str, type_id: int, category: str | None) -> AssociationType:
        """The definition an input names.

        Errors: a 400 when the pair has none of that id and category (wording unsure).
        """
        for known in self.types_of(from_type, to_type):
            if known.type_id == type_id and category in (None, known.category):
                return known
        raise invalid(
            f"Association type {type_id} of category {category} does not exist between {from_type} and {to_type}"
        )

    def add_label(
        self, from_type: str, to_type: str, label: str, inverse_label: str | None, name: str
    ) -> list[AssociationType]:
        """Define a label of the account's own, in both directions."""
        self.types_of(from_type, to_type)
        return self._define(from_type, to_type, label, inverse_label or label, name)

    def remove_label(self, from_type: str, to_type: str, type_id: int) -> None:
        """Drop a label and take it off every link."""
        removed = self.find_type(from_type, to_type, type_id, "USER_DEFINED")
        for pair, gone in (((from_type, to_type), removed.type_id), ((to_type, from_type), removed.inverse)):
            self.types[pair] = [known for known in self.types[pair] if known.type_id != gone]
            for from_id, targets in list(self.links.get(pair, {}).items()):
                for to_id, held in list(targets.items()):
                    if gone in held:
                        self._keep(pair[0], from_id, pair[1], to_id, {gone})

    def link(self, from_type: str, from_id: str, to_type: str, to_id: str, chosen: list[AssociationType]) -> None:
        """Associate two records under these labels, added to those they have."""
        known = [self.types_of(from_type, to_type)[0], *chosen]
        for label in chosen:
            if label.type_id == _PRIMARY.get((from_type, to_type)):
                self._demote(from_type, from_id, to_type, to_id, label)
            elif label.inverse == _PRIMARY.get((to_type, from_type)):
                inverse = self.find_type(to_type, from_type, label.inverse, None)
                self._demote(to_type, to_id, from_type, from_id, inverse)
        held = self.targets(from_type, from_id, to_type).get(to_id, ())
        longer = tuple(dict.fromkeys([*held, *(label.type_id for label in known)]))
        if longer != held:
            inverse_held = self.targets(to_type, to_id, from_type).get(from_id, ())
            inverses = tuple(dict.fromkeys([*inverse_held, *(label.inverse for label in known)]))
            self._put(from_type, from_id, to_type, to_id, longer)
            self._put(to_type, to_id, from_type, from_id, inverses)

    def link_first_company(self, contact_id: str, company_id: str) -> None:
        """Make a company the primary one of a contact that has none yet: `link` without what only others need."""
        targets = self._shared.get((company_id, _FIRST_COMPANY))
        if targets is None:
            targets = self._one_target("contacts", "companies", company_id, _FIRST_COMPANY)
        self.links.setdefault(("contacts", "companies"), {})[contact_id] = targets
        self.links.setdefault(("companies", "contacts"), {}).setdefault(company_id, {})[contact_id] = _FIRST_CONTACT
        if self.changed is not None:
            self.changed.add(("contacts", contact_id, "companies", company_id))
            self.changed.add(("companies", company_id, "contacts", contact_id))

    def unlink(self, from_type: str, from_id: str, to_type: str, to_id: str, type_ids: list[int] | None = None) -> None:
        """Take labels away (all of them, and the link, when None or when the unlabelled one is among them)."""
        held = self.links.get((from_type, to_type), {}).get(from_id, {}).get(to_id)
        if held is None:
            return
        default = self.default_type(from_type, to_type)
        gone = set(held if type_ids is None or default.type_id in type_ids else type_ids)
        inverses = {known.inverse for known in self.types_of(from_type, to_type) if known.type_id in gone}
        self._keep(from_type, from_id, to_type, to_id, gone)
        self._keep(to_type, to_id, from_type, from_id, inverses)

    def unlink_all(self, object_type: str, record_id: str) -> None:
        """Take a record out of every association (archive, privacy delete)."""
        for (from_type, to_type), by_id in list(self.links.items()):
            if from_type == object_type:
                for to_id in list(by_id.get(record_id, ())):
                    self.unlink(from_type, record_id, to_type, to_id)

    def move_all(self, object_type: str, old_id: str, new_id: str) -> None:
        """Hand the associations of a merged record to the one it became; a primary that it has already stays."""
        for (from_type, to_type), by_id in list(self.links.items()):
            if from_type != object_type:
                continue
            for to_id, held in list(by_id.get(old_id, {}).items()):
                primary = _PRIMARY.get((from_type, to_type))
                has_primary = any(primary in types for types in self.targets(from_type, new_id, to_type).values())
                chosen = [
                    known
                    for known in self.types_of(from_type, to_type)
                    if known.type_id in held and not (has_primary and known.type_id == primary)
                ]
                self.unlink(from_type, old_id, to_type, to_id)
                self.link(from_type, new_id, to_type, to_id, chosen)

    def restore(self, from_type: str, from_id: str, to_type: str, to_id: str, held: tuple[int, ...]) -> None:
        """Put one direction of a link as it was; no types means no link."""
        self._put(from_type, from_id, to_type, to_id, held)
        self.touched.clear()

    def targets(self, from_type: str, from_id: str, to_type: str) -> dict[str, tuple[int, ...]]:
        """Associated record id to the type ids held."""
        return self.links.get((from_type, to_type), {}).get(from_id, {})

    def primary_company(self, contact_id: str) -> str | None:
        """The id of a contact's primary company."""
        for company_id, held in self.targets("contacts", contact_id, "companies").items():
            if PRIMARY_COMPANY in held:
                return company_id
        return None

    def every_link(self, order: list[str]) -> Iterator[tuple[str, str, str, str, tuple[int, ...]]]:
        """Each association once: (from type, from id, to type, to id, type ids), from the earlier type of `order`."""
        for (from_type, to_type), by_id in self.links.items():
            if order.index(from_type) > order.index(to_type):
                continue
            for from_id, targets in by_id.items():
                for to_id, held in targets.items():
                    if from_type != to_type or from_id <= to_id:
                        yield from_type, from_id, to_type, to_id, held

    def _define(
        self, from_type: str, to_type: str, label: str | None, inverse_label: str | None, name: str
    ) -> list[AssociationType]:
        forward_id = self.next_type_id
        inverse_id = forward_id if from_type == to_type and label == inverse_label else forward_id + 1
        self.next_type_id = inverse_id + 1
        forward = AssociationType(forward_id, "USER_DEFINED", label, inverse_id, name)
        self.types.setdefault((from_type, to_type), []).append(forward)
        if inverse_id == forward_id:
            return [forward]
        inverse = AssociationType(inverse_id, "USER_DEFINED", inverse_label, forward_id, name)
        self.types.setdefault((to_type, from_type), []).append(inverse)
        return [forward, inverse]

    def _demote(self, from_type: str, from_id: str, to_type: str, but: str, primary: AssociationType) -> None:
        for to_id, held in list(self.targets(from_type, from_id, to_type).items()):
            if primary.type_id in held and to_id != but:
                self._keep(from_type, from_id, to_type, to_id, {primary.type_id})
                self._keep(to_type, to_id, from_type, from_id, {primary.inverse})

    def _keep(self, from_type: str, from_id: str, to_type: str, to_id: str, gone: set[int]) -> None:
        held = self.targets(from_type, from_id, to_type).get(to_id)
        if held is not None:
            left = tuple(type_id for type_id in held if type_id not in gone)
            self._put(from_type, from_id, to_type, to_id, left)

    def _put(self, from_type: str, from_id: str, to_type: str, to_id: str, held: tuple[int, ...]) -> None:
        """Set one direction; no types take the link away.

        A dict with one target may be shared by many records (the people of one company) and is never changed.
        """
        by_id = self.links.setdefault((from_type, to_type), {})
        targets = by_id.get(from_id, {})
        if held:
            held = self._held.setdefault(held, held)
            if len(targets) > 1:
                targets[to_id] = held
            elif to_id in targets or not targets:
                by_id[from_id] = self._one_target(from_type, to_type, to_id, held)
            else:
                by_id[from_id] = {**targets, to_id: held}
        elif to_id in targets:
            if len(targets) == 1:
                del by_id[from_id]
            elif len(targets) == 2:
                by_id[from_id] = {known: types for known, types in targets.items() if known != to_id}
            else:
                del targets[to_id]
        self._mark(from_type, to_type, from_id, to_id)

    def _one_target(
        self, from_type: str, to_type: str, to_id: str, held: tuple[int, ...]
    ) -> dict[str, tuple[int, ...]]:
        if (from_type, to_type) != ("contacts", "companies"):
            return {to_id: held}
        return self._shared.setdefault((to_id, held), {to_id: held})

    def _mark(self, from_type: str, to_type: str, from_id: str, to_id: str) -> None:
        if (from_type, to_type) == ("contacts", "companies"):
            self.touched.add(from_id)
        if self.changed is not None:
            self.changed.add((from_type, from_id, to_type, to_id))
