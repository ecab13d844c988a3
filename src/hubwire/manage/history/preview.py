"""What files of history would become at the destinations of their source, before an import. Blocks; stores nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from hubwire.backends.store import Store
from hubwire.backfill.estimate import Estimate, Estimator, cycles
from hubwire.backfill.looking import History, look_at
from hubwire.backfill.records import ReadOptions
from hubwire.backfill.rows import HistoryRows
from hubwire.destination import Destination, Source
from hubwire.errors import SettingsError
from hubwire.schema import PortalSchema, PropertyDefinition
from hubwire.settings import Settings

SEED_CALLS_PER_SECOND = 10.0
SEED_CALLS_PER_DAY = 40_000


class KnownSchema(NamedTuple):
    """The schema of a portal; HubSpot's default one if the portal cannot be read."""

    schema: PortalSchema
    is_default: bool


@dataclass(frozen=True, slots=True)
class HistoryPreview:
    """Reads files for one source. `schema_of` reads the schema of a destination's portal."""

    store: Store
    settings: Settings
    source: Source
    schema_of: Callable[[Destination], KnownSchema]

    def look_at(self, names: Sequence[str], options: ReadOptions, besides: Path | None = None) -> History:
        """The recognised files. The columns of HubSpot's own exports are matched by the labels of the portal.

        Errors: SettingsError for a file that is not recognised.
        """
        destinations = self._destinations()
        if not destinations:
            return look_at(names, options, besides)
        return look_at_with_labels(names, options, besides, partial(self.schema_of, destinations[0]))

    def estimates(
        self, history: History, now_ms: int, report: Callable[[int], None] = lambda rows: None
    ) -> list[Estimate]:
        """The cost of the files at each destination of the source.

        Shape: `report` is called with the number of messages of each group. Errors: SettingsError if the source has no
        destination.
        """
        destinations = self._destinations()
        if not destinations:
            raise SettingsError(f"source {self.source.name!r} feeds no destination", hint="hubwire destination list")
        sources = self.store.registry.sources()
        lanes = {lane.destination_id: lane for lane in self.store.queries.lanes(now_ms)}
        estimates = []
        for destination in destinations:
            known = self.schema_of(destination)
            estimator = Estimator(destination, sources, known.schema, self.store.record.links)
            history_rows = HistoryRows(history, self.source, now_ms)
            for rows in cycles(history_rows, self.settings.cycle_messages):
                estimator.take(rows)
                report(len(rows))
            limit = lanes[destination.destination_id].budget.get("limit") or SEED_CALLS_PER_DAY
            estimate = estimator.estimate(
                destination.calls_per_second or SEED_CALLS_PER_SECOND, destination.calls_per_day or limit
            )
            estimate.schema_is_default = known.is_default
            estimate.unreadable = history_rows.unreadable
            estimates.append(estimate)
        return estimates

    def _destinations(self) -> list[Destination]:
        return [
            destination
            for destination in self.store.registry.destinations().values()
            if destination.takes(self.source.source_id)
        ]


def look_at_with_labels(
    names: Sequence[str], options: ReadOptions, besides: Path | None, schema_of: Callable[[], KnownSchema]
) -> History:
    """The recognised files. `schema_of` is called only for HubSpot's own exports. Errors: as `look_at`."""
    history = look_at(names, options, besides)
    if history.has_stdin or not any(seen.reader.title.startswith("HubSpot's") for seen in history.seen):
        return history
    known = schema_of()
    if known.is_default:
        return history
    schema = known.schema
    labelled = replace(options, contact_labels=_labels(schema.contact), company_labels=_labels(schema.company))
    return look_at(names, labelled, besides)


def _labels(properties: Mapping[str, PropertyDefinition]) -> dict[str, str]:
    """The names of writable properties, by label."""
    return {
        definition.label.lower(): definition.name
        for definition in properties.values()
        if definition.label and not definition.is_read_only
    }
