"""An installation that has seen everything, for moving it: every table has rows because the pipeline wrote them. What
comes after is the same for one that was moved in between and for one that was not."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any, cast

import httpx2
import psycopg
import pytest
from msgspec import structs
from tests.support.crashes import Crash, Crashes, CrashingRecord
from tests.support.world import SECRET_KEY, SERVER, TOKEN, World, write_key

from hubwire.backends.store import Store, open_store
from hubwire.deliver.lanes.policy import LanePolicy
from hubwire.delivery import State
from hubwire.destination import Source, SourceKind
from hubwire.installation.retention import Retention
from hubwire.journal.group_commit import GroupCommit
from hubwire.operation import RecordRef
from hubwire.privacy.forget import Forgetter
from hubwire.receive.app import ReceiveApp
from hubwire.receive.upload_limits import ReceiveLimits
from hubwire.record.marketing import (
    KnownList,
    Membership,
    Preference,
    Submission,
    SubmissionState,
    SubscriptionState,
)
from hubwire.record.message_filter import MessageFilter
from hubwire.record.privacy import AlertOrigin, RegulationType
from hubwire.record.protocol import ConfirmedValue, CycleOutcome, LaneState, ObjectRecord, RecordAssociation, Span
from hubwire.record.queries import MessageDetail
from hubwire.record.snoozes import Snooze
from hubwire.registry.access import Pass, PassKind, Role
from hubwire.secret import Secret
from hubwire.settings import Settings

WEBSITE = Source(source_id=2, name="website", kind=SourceKind.WEB, identity_space="source:website")
DAY_SECONDS = 86_400.0
MANY = 4_200
"""Messages enough for complete stretches of sums, and for a block of digests."""
POISON = "poison"


def installation(folder: Path) -> World:
    """A fresh one, on SQLite."""
    return World(folder, sources=(SERVER, WEBSITE), policy=LanePolicy(linger_seconds=0.1, backfill_linger_seconds=0.1))


def settings(world: World, url: str | None = None) -> Settings:
    """The settings of the installation, on its file or where it was moved to."""
    return Settings(
        database_url=url or f"sqlite:///{world.path}",
        secret_key=SECRET_KEY,
        data=str(world.path.parent),
        dedupe_hours=48,
    )


def serve_from(world: World, url: str) -> None:
    """Go on with another database."""
    world.store.close()
    world.database.close()
    world.store = open_store(settings(world, url), world.clock, appends=True)
    world.journal, world.record = world.store.journal, world.store.record
    world.groups = GroupCommit(world.journal)
    world.receiver = ReceiveApp(world.receiver._sources, world.groups, world.clock, ReceiveLimits())
    world.database = cast(sqlite3.Connection, psycopg.connect(url, autocommit=True))


def identify(name: str, **traits: Any) -> dict[str, Any]:
    traits = {"email": f"{name}@example.com", **traits}
    return {"type": "identify", "messageId": f"i-{name}-{len(traits)}", "userId": name, "traits": traits}


def track(name: str, what: str, event: str = "Order Completed") -> dict[str, Any]:
    message = {"type": "track", "messageId": f"t-{name}-{what}", "userId": name, "event": event}
    return {**message, "properties": {"what": what}}


def group(name: str, website: str) -> dict[str, Any]:
    message = {"type": "group", "messageId": f"g-{name}", "userId": name, "groupId": website}
    return {**message, "traits": {"website": f"https://{website}/", "name": website}}


def _bad_day(request: httpx2.Request) -> httpx2.Response | None:
    """HubSpot refuses what is poisoned, and has trouble with what fails."""
    if b"inputs" not in request.content:
        return None
    inputs = json.loads(request.content)["inputs"]
    if any(str(input_.get("id", "")).startswith(POISON) for input_ in inputs):
        body = {"status": "error", "message": "too bad", "category": "VALIDATION_ERROR", "correlationId": "c"}
        return httpx2.Response(400, json=body)
    return httpx2.Response(500) if b"trouble" in request.content else None


async def turn_until(world: World, state: str) -> None:
    """Take turns until a delivery is in this state and nothing waits that is due."""
    driver = world.driver()
    for _ in range(200):
        wait = await driver.turn()
        if world.states()[state] and not world.backlog():
            await driver.end()
            return
        world.clock.advance(wait.seconds)
    raise AssertionError(f"nothing is {state}: {world.states()}")


async def work(world: World) -> None:
    """Everything that an installation does, up to a crash in the middle of a cycle."""
    _people(world)
    _remember(world)
    await _old_days(world)
    await world.receive([identify("ada", firstName="Ada"), group("ada", "example.org"), track("ada", "first")])
    await world.receive([identify("ben")], WEBSITE)
    await world.receive([track("zed", "waits"), {"type": "page", "messageId": "p", "userId": "ada"}])
    world.append([track("ada", str(number), "Seen") for number in range(MANY)], is_backfill=True)
    await world.drain(world.driver())
    world.store.statistics.catch_up(1)
    await _forget(world)
    world.transport.instead = _bad_day
    await world.receive([identify(f"{POISON}{number}") for number in range(3)])
    await turn_until(world, "dead")
    replays = world.store.replays
    replays.begin(MessageFilter(state=State.DEAD), "ada", world.clock.now_ms())
    assert replays.step(world.clock.now_ms(), 1) == 1
    dead = world.store.queries.failures()[0]
    forever_ms = world.clock.now_ms() + 30 * 86_400_000
    asleep = Snooze(
        destination_id=dead.destination_id,
        state=dead.state,
        reason=dead.reason,
        until_ms=forever_ms,
        since_ms=1,
        actor="a",
    )
    world.store.snoozes.snooze(asleep)
    await world.receive([identify("cleo"), track("cleo", "trouble")])
    await turn_until(world, "retrying")
    world.store.alerts.claim_alert("lag", world.clock.now_ms(), 1000)
    sealed = world.store.vault.seal(Secret("{}"))
    world.store.alerts.save_settings(AlertOrigin.CONSOLE, sealed, world.clock.now_ms())
    world.transport.instead = lambda request: None
    await _crash(world)


def _people(world: World) -> None:
    """Sources, destination, secrets, members."""
    world.register()
    registry, access, now_ms = world.store.registry, world.store.access, world.clock.now_ms()
    registry.set_token(1, Secret(TOKEN))
    for source in (SERVER, WEBSITE):
        registry.add_write_key(source.source_id, Secret(write_key(source)))
    registry.remove_source(registry.save_source(Source(source_id=0, name="gone")).source_id)
    registry.write_audit("ada", "source.removed", "gone")
    access.save_member("ada", Role.ADMIN, token_digest=b"digest", password_hash="hash")
    sign_in = Pass(kind=PassKind.SESSION, member_name="ada", role=Role.ADMIN, expires_at_ms=now_ms + 10**10)
    access.save_pass(b"pass", sign_in, now_ms)


async def _old_days(world: World) -> None:
    """What retention has removed again."""
    pages = [{"type": "page", "messageId": f"old-{number}", "userId": "x"} for number in range(20)]
    await world.receive(pages)
    await world.drain(world.driver())
    world.clock.advance(40 * DAY_SECONDS)
    assert Retention(world.store, settings(world), world.clock).run_once().messages == len(pages)


def _remember(world: World) -> None:
    """A cycle that learnt of lists, subscriptions, forms and records of other objects."""
    now_ms = world.clock.now_ms()
    lease = world.record.lease_lane(1, "before", now_ms, 60)
    assert lease is not None
    span = Span(live_after=0, live_through=0, backfill_after=0, backfill_through=0)
    cycle_id = world.record.begin_cycle(lease, now_ms, span)
    order, line = RecordRef("order", "order_id:1"), RecordRef("line_item", "line_id:1")
    outcome = CycleOutcome(
        cycle_id=cycle_id,
        lane=LaneState(),
        records=[ObjectRecord(*order, "71", now_ms, {"name": ConfirmedValue("One", now_ms)}, now_ms)],
        record_associations=[RecordAssociation(order, line, now_ms, "primary")],
        lists=[KnownList(key="vip", object="contact", list_id="7", name="VIP", is_own=True, size=1, read_at_ms=now_ms)],
        memberships=[Membership(list_key="vip", record_key="ada@example.com", is_member=True, at_ms=now_ms)],
        preferences=[
            Preference(
                email="ada@example.com", subscription_id="101", state=SubscriptionState.UNSUBSCRIBED, at_ms=now_ms
            )
        ],
        submissions=[
            Submission(
                submission_id="1:m:Form",
                content="digest",
                form="form",
                email="ada@example.com",
                state=SubmissionState.SEEN,
                at_ms=now_ms,
                sent_at_ms=now_ms,
            )
        ],
        ended_at_ms=now_ms,
    )
    world.record.commit_cycle(lease, outcome)
    world.record.release(lease)


async def _forget(world: World) -> None:
    """One person forgotten, and another request still open."""
    await world.receive([identify("gone", firstName="Gone")])
    await world.drain(world.driver())
    forgetter = Forgetter(world.store, lambda destination: None, world.clock, world.clock.sleep)
    done = forgetter.request(RegulationType.SUPPRESS_WITH_DELETE_INTERNAL, "USER_ID", ["gone"], "ada")
    receipt = await forgetter.run(done.regulation_id)
    assert receipt is not None
    assert receipt.state.is_final
    forgetter.request(RegulationType.SUPPRESS_ONLY, "EMAIL", ["later@example.com"], "ada")


async def _crash(world: World) -> None:
    """A process that dies with a cycle open, after HubSpot has done what it was asked."""
    crashes = Crashes()
    crashes.arm("commit.before", 0)
    driver = world.driver("crashed", CrashingRecord(world.record, crashes))
    await world.receive([identify("dora"), track("dora", "just before")])

    async def live() -> None:
        for _ in range(200):
            world.clock.advance((await driver.turn()).seconds)

    with pytest.raises(Crash):
        await live()


async def go_on(world: World) -> None:
    """The days after."""
    world.clock.advance(60)
    replays, journal = world.store.replays, world.journal
    known = journal.extent().last
    await world.receive([identify("ada", firstName="Ada"), track("ada", "first"), track("dora", "just before")])
    assert journal.extent().last == known, "messages that were sent again were taken for new ones"
    await world.receive([identify("zed"), track("ada", "second"), identify("ada", firstName="Ada", city="Graz")])
    await world.drain(world.driver("after"))
    while replays.step(world.clock.now_ms(), 1) is not None:
        await world.drain(world.driver("after"))
    forgetter = Forgetter(world.store, lambda destination: None, world.clock, world.clock.sleep)
    assert await forgetter.run_open() == 1
    source = world.store.registry.save_source(Source(source_id=0, name="new"))
    assert source.source_id == 4, "the id of a source that is gone was given out again"


def seen(store: Store, now_ms: int) -> dict[str, Any]:
    """What people can see of an installation, through its queries."""
    registry, access, statistics = store.registry, store.access, store.statistics
    messages = store.queries.messages(MessageFilter(limit=500))
    return {
        "lanes": store.queries.lanes(now_ms),
        "funnel": statistics.funnel(1),
        "activity": statistics.activity(1, now_ms - 10**9, now_ms, 10),
        "intake": statistics.intake(),
        "left out": statistics.left_out(1, 100),
        "who": [statistics.identity(name) for name in ("ada", "ben", "zed", "gone", "dora")],
        "journal": store.journal.newest(None, 10_000),
        "extent": store.journal.extent(),
        "messages": messages,
        "details": [_detail(store, message.message_id) for message in messages if not message.is_backfill],
        "registry": (registry.version(), registry.sources(), registry.destinations()),
        "audit": [(entry.at_ms, entry.actor, entry.action) for entry in registry.audit(100)],
        "secrets": (registry.token(1), registry.write_keys(1), registry.write_keys(2)),
        "sources of keys": [registry.source_of_key(write_key(item)) for item in (SERVER, WEBSITE)],
        "members": (access.members(), access.password_hash("ada"), access.member_of_token(b"digest")),
        "pass": access.find_pass(b"pass", PassKind.SESSION, now_ms),
        "suppressed": len(store.privacy.suppressed()),
        "regulations": [
            (regulation.type, regulation.state, regulation.finished_at_ms)
            for regulation in store.privacy.regulations(100)
        ],
        "alerts": dict(store.alerts.alerts()),
        "replays": store.replays.recent(10),
    }


def _detail(store: Store, message_id: str) -> list[MessageDetail]:
    """One complete message, without the duration of its calls, which no test decides."""
    found = store.queries.message(message_id)
    for detail in found:
        detail.attempts = [structs.replace(attempt, duration_ms=0) for attempt in detail.attempts]
    return found
