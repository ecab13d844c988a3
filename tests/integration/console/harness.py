"""A console over a real SQLite store, with stand-ins for what reaches HubSpot, and a browser-like client."""

from __future__ import annotations

import re
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
from starlette.testclient import TestClient

from hubwire.backends.store import Store, open_store
from hubwire.clock import FakeClock
from hubwire.delivery import State
from hubwire.destination import Destination, Source, SourceKind
from hubwire.doctor.checks import Check, ConnectionReport, Health
from hubwire.errors import HubSpotError, SettingsError, UploadRefused
from hubwire.hubspot.definitions import PropertyUse
from hubwire.hubspot.form_definitions import FormDefinition
from hubwire.hubspot.lists import FoundList
from hubwire.manage.history.dropped_files import DroppedFiles
from hubwire.manage.history.preview import HistoryPreview, KnownSchema
from hubwire.manage.list_sizes import LiveSize
from hubwire.manage.members import digest, make_token
from hubwire.manage.rules.testing import RuleTest, firings
from hubwire.manage.schema.marketing_contents import MarketingContents
from hubwire.manage.schema.plan import SchemaPlan
from hubwire.manage.schema.report import PortalContents
from hubwire.message import Entry, JournalRow
from hubwire.monitoring.alert_settings import AlertEditor
from hubwire.monitoring.observability import make_alerts, read_alerts
from hubwire.operation import Link
from hubwire.plan.default_portal import default_portal
from hubwire.privacy.forget import Forgetter
from hubwire.privacy.regulations import Regulations
from hubwire.privacy.suppression import keeps_out
from hubwire.process.pages import console_app
from hubwire.record.marketing import (
    KnownList,
    Membership,
    Preference,
    Submission,
    SubmissionState,
    SubscriptionState,
)
from hubwire.record.protocol import (
    Attempt,
    Company,
    ConfirmedValue,
    CycleOutcome,
    LaneState,
    Person,
    Settled,
    Span,
    Tally,
)
from hubwire.registry.access import Role
from hubwire.registry.named import named
from hubwire.schema import EventDefinition, PortalSchema, PropertyDefinition
from hubwire.secret import Secret
from hubwire.settings import Settings
from hubwire.web.access import new_access
from hubwire.web.ports import (
    DryRun,
    PlannedField,
    PlannedLeftOut,
    PlannedOperation,
    PlannedRequest,
    Services,
)

NOW_MS = 1_795_000_000_000
ORIGIN = "http://console.test"
ADMIN_TOKEN = "admin-token-of-the-settings"
HUBSPOT_TOKEN = "pat-na1-0000-secret-of-the-portal"
NUMBERED = ("replay_id", "destination_id", "source_id")
XSS = '<script>alert("x")</script>'


def filled_in(path: str) -> str:
    """The path of a route with numbers and words for its parts."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda part: "1" if part[1] in NUMBERED else "token", path)


FORM_ID = "1b2c3d4e-0000-4000-8000-1234567890ab"
MARKETING = MarketingContents(
    lists=[
        FoundList("7", "VIP", "0-1", "MANUAL", 3),
        FoundList("8", "Everybody", "0-1", "DYNAMIC", 3),
        FoundList("9", "Accounts", "0-2", "MANUAL", 3),
    ],
    has_all_lists=True,
    subscriptions={"1": "Newsletter"},
    forms=[FormDefinition(FORM_ID, "Sign-up", {"firstname": "First name", "company.name": "Company"})],
    has_all_forms=True,
)


class Bench:
    """Stands in for HubSpot and the planner; remembers what was asked of it."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, dict[str, Any]]] = []
        self.created: list[tuple[int, str, str, str]] = []
        self.made_together: list[tuple[str, list[tuple[str, str]]]] = []
        self.schema_problem = ""
        self.refused_tokens: set[str] = set()
        self.more_properties: dict[str, PropertyDefinition] = {}
        self.more_events: list[EventDefinition] = []
        self.list_sizes: dict[str, LiveSize] = {}
        self.account: dict[str, str] = {}
        """What HubSpot tells of the account of a token."""
        self.report = ConnectionReport(
            checks=[
                Check(name="Access token", health=Health.OK, said="accepted"),
                Check(name="Events", health=Health.WARN, said="not available", remedy="Needs an Enterprise tier."),
            ],
            hub_id="7654321",
            region="eu1",
            tier="professional",
            time_zone="Europe/Berlin",
            api_version="2026-09",
            api_supported_until="2028-03",
            missing_scopes=["behavioral_events.event_definitions.read_write"],
        )

    async def plan(self, destination_id: int, source_id: int, message: dict[str, Any]) -> DryRun:
        if "type" not in message:
            raise UploadRefused("a message needs a type")
        return DryRun(
            state="delivered",
            operations=[
                PlannedOperation(
                    kind="upsert contact",
                    key="paula@example.org",
                    fields=[PlannedField(name="firstname", value="Peter", rule="standard:firstName")],
                )
            ],
            requests=[
                PlannedRequest(method="POST", path="/crm/objects/2026-09/contacts/batch/upsert", body={"inputs": []})
            ],
            left_out=[
                PlannedLeftOut(field="traits.plan", reason="unknown-property", detail="no contact property plan")
            ],
        )

    async def test_rules(self, destination: Destination, source_id: int, message: dict[str, Any]) -> RuleTest:
        run = await self.plan(destination.destination_id, source_id, message)
        row = JournalRow(1, source_id, "m-1", NOW_MS, msgspec.json.encode(message), None, False, None)
        return RuleTest(message_id="m-1", rules=firings(destination, row), plan=run)

    async def test(self, destination_id: int) -> ConnectionReport:
        return self.report

    async def with_token(self, destination: Destination, token: str) -> Destination:
        if token in self.refused_tokens:
            raise SettingsError("HubSpot does not accept this token: 401")
        return msgspec.structs.replace(destination, **self.account)

    async def send(self, source_id: int, message: dict[str, Any]) -> str:
        self.sent.append((source_id, message))
        return f"console-{len(self.sent)}"

    async def list_size(self, destination_id: int, list_id: str) -> LiveSize:
        nothing = LiveSize(size=None, read_at_ms=NOW_MS, reason="HubSpot has no such list")
        return self.list_sizes.get(list_id, nothing)

    async def contents(
        self, destination_id: int, object_types: frozenset[str] = frozenset(), *, with_marketing: bool = False
    ) -> PortalContents:
        if self.schema_problem:
            raise HubSpotError(self.schema_problem)
        schema = PortalSchema(hub_id="1234567")
        schema.contact = {
            "email": PropertyDefinition("email", is_unique=True),
            "lifecyclestage": PropertyDefinition(
                "lifecyclestage", "enumeration", "radio", frozenset({"lead", "customer"})
            ),
            "createdate": PropertyDefinition("createdate", "datetime", "date", is_read_only=True),
        }
        schema.company = {"domain": PropertyDefinition("domain")}
        schema.add_event(EventDefinition("pe1234567_bought_item", "bought_item", "Bought Item", {"value": "number"}))
        schema.contact |= self.more_properties
        for event in self.more_events:
            schema.add_event(event)
        return PortalContents(
            schema=schema,
            archived={"contact": {"old_plan": "string"}},
            uses=[PropertyUse(object_type_id="0-1", usage=3, limit=1000)],
            marketing=MARKETING if with_marketing else None,
        )

    async def make_missing(self, destination_id: int, plan: SchemaPlan, group: str) -> None:
        definitions = [(definition.object_type, definition.name) for definition in plan.properties] + [
            ("event", event.name) for event in plan.events
        ]
        self.made_together.append((group, definitions))

    async def make_property(self, destination_id: int, object_type: str, name: str, label: str, type_: str) -> None:
        self.created.append((destination_id, object_type, name, type_))


class Console:
    """A console, its store, and a client that is signed in as whoever the test says."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = FakeClock(NOW_MS)
        folder.mkdir(exist_ok=True)
        self.settings = Settings(data=str(folder), admin_token=Secret(ADMIN_TOKEN), **settings)
        self.store: Store = open_store(self.settings, self.clock, appends=True)
        self.access = new_access(self.store.access, self.clock, self.settings)
        self.forgetter = Forgetter(self.store, lambda _: None, self.clock)
        self.bench = Bench()
        self.woken = 0
        self.alerts = make_alerts(self.store, self.settings, self.clock)
        self.dropped_files = DroppedFiles(self.settings, self.store.registry, self._history_preview, self.clock)
        self.deps = self._deps()
        self.app = console_app(self.deps, self.access)
        self.client = self.fresh_client()

    def close(self) -> None:
        self.store.journal.close()
        self.store.close()

    # -- asking

    def fresh_client(self) -> TestClient:
        """A browser that has not signed in."""
        return TestClient(self.app, base_url=ORIGIN, follow_redirects=False, raise_server_exceptions=False)

    def sign_in(self, role: Role = Role.ADMIN) -> TestClient:
        """Sign the client in as a member with this role."""
        token = self.member(f"{role}-person", role)
        self.client = self.fresh_client()
        answer = self.post("/login", secret=token)
        assert answer.status_code == 303, answer.text
        return self.client

    def member(self, name: str, role: Role) -> str:
        """The token of a new member."""
        token = make_token()
        self.store.access.save_member(name, role, token_digest=digest(token))
        return token.reveal()

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(path, params=query or None)

    def json(self, path: str) -> Any:
        """The JSON twin of a page."""
        answer = self.client.get(path, headers={"accept": "application/json"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **form: Any) -> Any:
        """Post a form as one of our own pages does."""
        return self.client.post(path, data=form, headers={"sec-fetch-site": "same-origin"})

    def call(self, method: str, path: str, token: str = ADMIN_TOKEN, **options: Any) -> Any:
        """Call the admin API."""
        headers = {"authorization": f"Bearer {token}"}
        return self.fresh_client().request(method, f"/api/v1{path}", headers=headers, **options)

    def audited(self) -> list[str]:
        """The actions of the audit log, newest first."""
        return [entry.action for entry in self.store.registry.audit(100)]

    # -- data

    def fill(self) -> int:
        """Two sources, a destination, and messages of every fate; the destination's id."""
        registry = self.store.registry
        server = registry.save_source(Source(source_id=0, name="server")).source_id
        registry.add_write_key(server, Secret("wk_server_secret_key_0001"))
        web = registry.save_source(
            Source(source_id=0, name="website", kind=SourceKind.WEB, identity_space="source:website")
        ).source_id
        registry.add_write_key(web, Secret("wk_website_public_key_02"))
        lane_id = registry.save_destination(
            Destination(destination_id=0, name="HubSpot", hub_id="1234567")
        ).destination_id
        registry.set_token(lane_id, Secret(HUBSPOT_TOKEN))
        self.store.journal.append([_entry(server, number, body) for number, body in enumerate(MESSAGES)])
        self._settle(lane_id)
        self.clock.advance(60)
        return lane_id

    def receive(self, body: dict[str, Any], message_id: str) -> None:
        """One more message of the first source."""
        encoded = msgspec.json.encode({**body, "messageId": message_id})
        self.store.journal.append([Entry(1, message_id, self.clock.now_ms(), encoded)])

    def _settle(self, lane_id: int) -> None:
        record, now_ms = self.store.record, self.clock.now_ms()
        lease = record.lease_lane(lane_id, "worker", now_ms, 60)
        assert lease is not None
        span = Span(live_after=0, live_through=len(MESSAGES) - 1, backfill_after=0, backfill_through=0)
        cycle_id = record.begin_cycle(lease, now_ms, span)
        record.commit_cycle(lease, _outcome(cycle_id, now_ms))
        record.release(lease)

    def _deps(self) -> Services:
        store, bench = self.store, self.bench

        def wake() -> None:
            self.woken += 1

        return Services(
            queries=store.queries,
            statistics=store.statistics,
            replays=store.replays,
            snoozes=store.snoozes,
            registry=store.registry,
            access=store.access,
            record=store.record,
            journal=store.journal,
            clock=self.clock,
            settings=self.settings,
            planner=bench.plan,
            rule_tester=bench.test_rules,
            tester=bench.test,
            with_token=bench.with_token,
            sender=bench.send,
            contents=bench.contents,
            list_size=bench.list_size,
            make_property=bench.make_property,
            make_missing=bench.make_missing,
            snippet=lambda key: f'analytics.load("{key}")',
            alerts=lambda: read_alerts(store, self.settings, self.clock, self.alerts),
            alert_editor=AlertEditor(store, self.settings, self.clock),
            keeps_out=partial(keeps_out, store),
            public_url="https://events.example.com",
            emulator_url="http://127.0.0.1:8081",
            is_sandbox=True,
            on_registry_change=wake,
            regulations=Regulations(self.forgetter, store.privacy, lambda: None),
            dropped_files=self.dropped_files,
        )

    def _history_preview(self, source_name: str) -> HistoryPreview:
        source = named(self.store.registry.sources().values(), source_name, "source")
        portal = KnownSchema(default_portal("1234567"), is_default=False)
        return HistoryPreview(self.store, self.settings, source, lambda destination: portal)


MESSAGES: list[dict[str, Any]] = [
    {"type": "identify", "userId": "u1", "traits": {"email": "paula@example.org", "firstname": XSS, "plan": "Gold"}},
    {"type": "track", "userId": "u1", "event": XSS, "properties": {"email": "paula@example.org", "value": 20.5}},
    {"type": "track", "userId": "stranger", "event": "Bought Item", "properties": {}},
    {"type": "page", "userId": "u1", "name": "Pricing"},
    {"type": "identify", "userId": "u2", "traits": {"email": "dead@example.com", "firstname": "Dora"}},
    {"type": "identify", "userId": "u3", "traits": {"email": "late@example.com"}},
    {"type": "group", "userId": "u1", "groupId": "g1", "traits": {"website": "https://initech.example"}},
    {"type": "track", "event": "Of no one"},
    {"type": "track", "userId": "u1", "event": "Just came", "properties": {"email": "paula@example.org"}},
]
"""Positions 1 to 9: delivered with something left out, delivered, held, discarded, dead, retrying, delivered, rejected,
waiting."""


def _entry(source_id: int, number: int, body: dict[str, Any]) -> Entry:
    message_id = XSS if number == 1 else f"m-{number}"
    encoded = msgspec.json.encode({**body, "messageId": message_id})
    rejected = "no-ids" if number == 7 else None
    envelope = b'{"context":{"library":{"name":"test"}}}' if number == 0 else None
    return Entry(source_id, message_id, NOW_MS + number, encoded, envelope, rejected=rejected)


def _outcome(cycle_id: int, now_ms: int) -> CycleOutcome:
    left_out = msgspec.json.encode([{"field": "traits.plan", "reason": "unknown-property", "detail": f"no {XSS}"}])
    request = {
        "inputs": [{"id": who, "properties": {"firstname": XSS}} for who in ("paula@example.org", "dead@example.com")]
    }
    answer = {"results": [{"id": "51", "properties": {"email": "paula@example.org"}}], "errors": [{"message": XSS}]}
    return CycleOutcome(
        cycle_id=cycle_id,
        lane=LaneState(
            live_cursor=len(MESSAGES) - 1,
            status=msgspec.json.encode(
                {
                    "limit": 40_000,
                    "used": 1200,
                    "projected": 9000,
                    "rate": "100 calls / 10 s",
                    "subscription_names": {"101": "Marketing Information"},
                }
            ),
        ),
        settled=[
            Settled(position=1, state=State.DELIVERED, left_out=left_out),
            Settled(
                position=3,
                state=State.HELD,
                reason="unknown-person",
                due_at_ms=now_ms + 3_600_000,
                hold_keys=("server|u:stranger",),
            ),
            Settled(position=4, state=State.DISCARDED, reason="page-is-device-only"),
            Settled(position=5, state=State.DEAD, reason="invalid-input", detail=f"dead@example.com {XSS}", attempts=1),
            Settled(position=6, state=State.RETRYING, reason="hubspot-failed", due_at_ms=now_ms + 600_000, attempts=1),
        ],
        attempts=[
            Attempt(
                call="POST /crm/objects/2026-09/contacts/batch/upsert",
                started_at_ms=now_ms,
                duration_ms=41,
                status=207,
                outcome="each-its-own",
                correlation_id="3f1c0c1c-98c4",
                request=msgspec.json.encode(request),
                response=msgspec.json.encode(answer),
                positions=[1, 5],
            )
        ],
        people=[
            Person(
                "paula@example.org",
                "51",
                now_ms,
                {"firstname": ConfirmedValue(XSS, now_ms), "city": ConfirmedValue("Berlin", now_ms)},
            )
        ],
        companies=[Company("initech.example", "77", now_ms, {"name": ConfirmedValue("Initech", now_ms)})],
        associations=[("paula@example.org", "initech.example")],
        links=[Link("server", "u:u1", "paula@example.org", 3, now_ms)],
        lists=[KnownList(key="vip", object="contact", list_id="7", name=f"VIP {XSS}", size=3, read_at_ms=now_ms)],
        memberships=[
            Membership(list_key="vip", record_key="paula@example.org", is_member=True, at_ms=now_ms, position=1),
            Membership(list_key="vip", record_key=XSS, is_member=False, at_ms=now_ms - 1000, position=999),
        ],
        preferences=[
            Preference(
                email="paula@example.org", subscription_id="101", state=SubscriptionState.UNSUBSCRIBED, at_ms=now_ms
            )
        ],
        submissions=[
            Submission(
                submission_id="s1",
                content="c",
                form="1b2c3d4e-0000-4000-8000-1234567890ab",
                email="paula@example.org",
                state=SubmissionState.SEEN,
                at_ms=now_ms,
                sent_at_ms=now_ms,
            )
        ],
        tally=Tally(taken=7, delivered=3, discarded=1, held=1, retrying=1, dead=1, calls=1),
        ended_at_ms=now_ms,
    )


class Page(HTMLParser):
    """A page taken apart: elements with their attributes, and the text a person reads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self._texts))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def links(self) -> list[str]:
        return [str(element["href"]) for element in self.all("a") if element.get("href")]
