"""What a lane knows of its portal's lists, subscriptions and forms between cycles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from hubwire.deliver.cycle.outcomes import Outcomes
from hubwire.operation import Hold, LeftOut
from hubwire.reasons import Reason
from hubwire.record.marketing import KnownList

ASK_AGAIN_MS = 3600 * 1000
"""How long messages wait after HubSpot refused a feature, before one call asks again."""
UNUSABLE_MS = 5 * 60 * 1000
"""How long a list that cannot take members is not looked up again."""


class Feature(StrEnum):
    """The features that a token's scopes or the account's tier may lack."""

    LISTS = "lists"
    SUBSCRIPTIONS = "subscriptions"
    FORMS = "forms"


@dataclass(frozen=True, slots=True)
class Unusable:
    """A list that cannot take members, and why."""

    reason: Reason
    detail: str
    at_ms: int

    def is_recent(self, now_ms: int) -> bool:
        """Whether HubSpot is not asked again yet."""
        return 0 <= now_ms - self.at_ms < UNUSABLE_MS

    def left_out(self, list_key: str) -> LeftOut:
        """The report on a message."""
        return LeftOut(f"list:{list_key}", self.reason, self.detail)


@dataclass(slots=True)
class MarketingPortal:
    """The lists that were found, and the features that HubSpot refused."""

    lists: dict[tuple[str, str], KnownList] = field(default_factory=dict)
    """By object type and key."""
    unusable: dict[tuple[str, str], Unusable] = field(default_factory=dict)
    full_lists: dict[tuple[str, str], Unusable] = field(default_factory=dict)
    """The lists that take no more records, with HubSpot's words."""
    works: set[Feature] = field(default_factory=set)
    """The features that HubSpot has accepted since the lane started."""
    has_batches: bool = True
    """False if HubSpot refused batches of subscriptions, which need Marketing Hub Enterprise."""
    subscription_types: dict[str, str] = field(default_factory=dict)
    """The id of each subscription type, by its id and by its name without case."""
    subscription_names: dict[str, str] = field(default_factory=dict)
    """Their names by their ids, for the console."""
    types_read_at_ms: int | None = None
    people_of_forms: dict[str, int] = field(default_factory=dict)
    """The keys and e-mails of new people for whose form the lane waits, with the time when that ends."""
    recalls_people: bool = False
    """Whether the people for whom another process waited have been recalled."""
    _refused: dict[Feature, tuple[int, str]] = field(default_factory=dict)

    def refuse(self, feature: Feature, words: str, now_ms: int) -> None:
        """Note that HubSpot refuses a feature; `words` are HubSpot's."""
        self.works.discard(feature)
        self._refused[feature] = (now_ms + ASK_AGAIN_MS, words)

    def accept(self, feature: Feature) -> None:
        """Note that HubSpot accepts a feature."""
        self._refused.pop(feature, None)
        self.works.add(feature)

    def is_refused(self, feature: Feature, now_ms: int, *, is_replay: bool = False) -> bool:
        """Whether HubSpot refused it a short while ago. A replay asks again at once."""
        refused = self._refused.get(feature)
        return refused is not None and now_ms < refused[0] and not is_replay

    def hold(self, outcomes: Outcomes, feature: Feature, positions: Iterable[int]) -> None:
        """Hold messages until the feature may be there. Their other parts have been sent."""
        until_ms, words = self._refused[feature]
        detail, ends_as = f"{feature}: {words}", Reason.FEATURE_NEVER_ALLOWED
        hold = Hold(Reason.FEATURE_REFUSED, detail=detail, ends_as=ends_as, until_ms=until_ms)
        for position in positions:
            if position not in outcomes.fates:
                outcomes.discard_or_hold(position, hold)
