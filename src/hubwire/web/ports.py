"""The interface between the service and the pages and API, as protocols and values. The service implements it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from hubwire.clock import Clock
from hubwire.deliver.preview import DryRun, PlannedField, PlannedLeftOut, PlannedOperation, PlannedRequest
from hubwire.destination import Destination
from hubwire.doctor.checks import Check, ConnectionReport
from hubwire.journal.protocol import Journal
from hubwire.record.protocol import Record
from hubwire.record.queries import Queries
from hubwire.record.replay import Replays
from hubwire.record.snoozes import Snoozes
from hubwire.record.statistics import Statistics
from hubwire.registry.access import AccessStore
from hubwire.registry.protocol import Registry
from hubwire.settings import Settings

if TYPE_CHECKING:
    from hubwire.manage.history.dropped_files import DroppedFiles
    from hubwire.manage.list_sizes import LiveSize
    from hubwire.manage.rules.testing import RuleTest
    from hubwire.manage.schema.plan import SchemaPlan
    from hubwire.manage.schema.report import PortalContents
    from hubwire.monitoring.alert_overview import AlertOverview
    from hubwire.monitoring.alert_settings import AlertEditor
    from hubwire.privacy.regulations import Regulations

__all__ = ["DryRun", "PlannedField", "PlannedLeftOut", "PlannedOperation", "PlannedRequest"]


class Planner(Protocol):
    async def __call__(self, destination_id: int, source_id: int, message: dict[str, Any]) -> DryRun:
        """Plan one message as a lane would, sending nothing. Errors: UploadRefused for what receive would refuse."""
        ...


class RuleTester(Protocol):
    async def __call__(self, destination: Destination, source_id: int, message: dict[str, Any]) -> RuleTest:
        """Plan one message with the rules of a destination as given here, stored or not. Errors: as `Planner`."""
        ...


class Tester(Protocol):
    async def __call__(self, destination_id: int) -> ConnectionReport:
        """Try the destination's token against HubSpot. Errors: none; what fails is a check that failed."""
        ...


class TokenTester(Protocol):
    async def __call__(self, destination: Destination, token: str) -> Destination:
        """The destination with the details of the token's account, after HubSpot accepted the token. Stores nothing.

        Errors: SettingsError for a token that HubSpot refuses or of another portal; HubSpotError without an answer.
        """
        ...


class Sender(Protocol):
    async def __call__(self, source_id: int, message: dict[str, Any]) -> str:
        """Journal one message as if the source had sent it, and wake the lanes; its message_id.

        Errors: UploadRefused for what receive would refuse.
        """
        ...


class ContentsReader(Protocol):
    async def __call__(
        self, destination_id: int, object_types: frozenset[str] = frozenset(), *, with_marketing: bool = False
    ) -> PortalContents:
        """The content of the portal, read now or recently, with the schema of these object types and of those that the
        stored rules name, and on request with its lists, subscription types and forms. Errors: HubSpotError if it
        cannot be read."""
        ...


class ListSizeReader(Protocol):
    async def __call__(self, destination_id: int, list_id: str) -> LiveSize:
        """The number of members that HubSpot has of a list, not older than a minute. Errors: none."""
        ...


class MissingMaker(Protocol):
    async def __call__(self, destination_id: int, plan: SchemaPlan, group: str) -> None:
        """Create the properties and events of a plan in a property group ("": HubSpot's own). Errors: HubSpotError."""
        ...


class PropertyMaker(Protocol):
    async def __call__(self, destination_id: int, object_type: str, name: str, label: str, type_: str) -> None:
        """Create a property of an object type, as paths have it, in the portal. Errors: HubSpotError."""
        ...


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services behind the pages and the admin API.

    `wake_replays` reports a new replay; `on_registry_change` reports a change of sources or destinations.
    `public_url` is the URL of this service for SDKs and browsers, without a trailing slash.
    """

    queries: Queries
    statistics: Statistics
    replays: Replays
    snoozes: Snoozes
    registry: Registry
    access: AccessStore
    record: Record
    journal: Journal
    clock: Clock
    settings: Settings
    planner: Planner
    rule_tester: RuleTester
    tester: Tester
    with_token: TokenTester
    sender: Sender
    contents: ContentsReader
    list_size: ListSizeReader
    make_property: PropertyMaker
    make_missing: MissingMaker
    snippet: Callable[[str], str | None]
    """The page snippet for a write key, without script tags; None when the browser bundle is not built."""
    alerts: Callable[[], AlertOverview]
    """The alerts as they are now; blocks."""
    alert_editor: AlertEditor
    keeps_out: Callable[[str], bool]
    """Whether a deletion request suppresses this e-mail or id; blocks."""
    public_url: str
    is_sandbox: bool = False
    emulator_url: str | None = None
    has_demo: bool = False
    wake_replays: Callable[[], None] = _nothing
    on_registry_change: Callable[[], None] = _nothing
    is_stopping: Callable[[], bool] = bool
    """Whether the process is about to end, so that endless answers must end."""
    health: Callable[[], Awaitable[list[Check]]] | None = field(default=None)
    """More lines for the System page; None when there are none."""
    regulations: Regulations | None = None
    """Accepts deletion requests; None if this process cannot carry them out."""
    dropped_files: DroppedFiles | None = None
    """Accepts files of history; None in a process that imports none."""
