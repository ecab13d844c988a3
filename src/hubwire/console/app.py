"""The console's routes, with the role that each page and change needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hubwire.console import sign_in, single_sign_on
from hubwire.console.pages.look_after import regulations, system
from hubwire.console.pages.set_up import (
    browser,
    connection,
    dry_run,
    first_message,
    history,
    mapping,
    rule_editor,
    rules,
    schema,
    setup,
    sources,
)
from hubwire.console.pages.watch import (
    alerts,
    breakdown,
    calls,
    discards,
    failures,
    lists,
    live,
    message,
    messages,
    overview,
    replays,
    who,
)
from hubwire.registry.access import Role
from hubwire.web.request import (
    PageFunction,
    Shared,
    View,
)
from hubwire.web.session import ask_to_sign_in, viewer_of

READERS = 4
VIEW, OPERATE, ADMIN = Role.VIEW, Role.OPERATE, Role.ADMIN

GET_PAGES: tuple[tuple[str, PageFunction, Role], ...] = (
    ("/", overview.overview, VIEW),
    ("/live", live.live, VIEW),
    ("/messages", messages.messages, VIEW),
    ("/plans/{message_id:path}", message.plan, VIEW),
    ("/messages/{message_id:path}", message.message, VIEW),
    ("/failures", failures.failures, VIEW),
    ("/breakdown", breakdown.breakdown, VIEW),
    ("/calls", calls.calls, VIEW),
    ("/alerts", alerts.alerts, VIEW),
    ("/replays", replays.replays, VIEW),
    ("/replays/new", replays.new_replay, OPERATE),
    ("/replays/{replay_id:int}", replays.replay, VIEW),
    ("/discards/new", discards.new_discard, OPERATE),
    ("/lists", lists.lists, VIEW),
    ("/lists/{destination_id:int}/{key:path}", lists.one_list, OPERATE),
    ("/list-size/{destination_id:int}/{key:path}", lists.list_size, OPERATE),
    ("/search", who.search, VIEW),
    ("/who-messages/{identity:path}", who.who_messages, OPERATE),
    ("/who/{identity:path}", who.who, OPERATE),
    ("/setup", setup.setup, ADMIN),
    ("/setup/new", setup.new, ADMIN),
    ("/setup/{destination_id:int}/{step}", setup.step, ADMIN),
    ("/sources", sources.sources, VIEW),
    ("/sources/new", sources.source, ADMIN),
    ("/sources/{source_id:int}", sources.source, VIEW),
    ("/browser", browser.browser, VIEW),
    ("/browser/check/{source_id:int}", browser.check, OPERATE),
    ("/connection", connection.connections, VIEW),
    ("/connection/{destination_id:int}", connection.connection, VIEW),
    ("/schema", schema.schema, VIEW),
    ("/mapping", mapping.mapping, VIEW),
    ("/mapping/{destination_id:int}", mapping.mapping, VIEW),
    ("/rules", rules.rules, VIEW),
    ("/rules/{destination_id:int}", rules.rules, VIEW),
    ("/rules/{destination_id:int}/edit", rule_editor.editor, ADMIN),
    ("/test", dry_run.test, OPERATE),
    ("/import", history.files, ADMIN),
    ("/import/{file_id}", history.file, ADMIN),
    ("/system", system.system, VIEW),
    ("/audit", system.audit, OPERATE),
    ("/regulations", regulations.regulations, ADMIN),
    ("/regulations/{regulation_id}", regulations.regulation, ADMIN),
    ("/members", system.members, ADMIN),
)
POSTS: tuple[tuple[str, PageFunction, Role], ...] = (
    ("/alerts", alerts.save, ADMIN),
    ("/alerts/reset", alerts.reset, ADMIN),
    ("/alerts/test", alerts.test, ADMIN),
    ("/failures/snooze", failures.snooze, OPERATE),
    ("/failures/wake", failures.wake, OPERATE),
    ("/replays/message/{message_id:path}", message.replay, OPERATE),
    ("/replays", replays.begin, OPERATE),
    ("/replays/{replay_id:int}/pause", replays.pause, OPERATE),
    ("/replays/{replay_id:int}/resume", replays.resume, OPERATE),
    ("/replays/{replay_id:int}/share", replays.save_share, OPERATE),
    ("/replays/{replay_id:int}/cancel", replays.cancel, OPERATE),
    ("/discards/message/{message_id:path}", message.discard, OPERATE),
    ("/discards", discards.discard, OPERATE),
    ("/setup/new", setup.create, ADMIN),
    ("/setup/{destination_id:int}/token", setup.save_token, ADMIN),
    ("/setup/{destination_id:int}/modes", setup.save_modes, ADMIN),
    ("/setup/{destination_id:int}/check", setup.check, ADMIN),
    ("/setup/{destination_id:int}/send", setup.switch_on, ADMIN),
    ("/setup/{destination_id:int}/first", first_message.send_first, ADMIN),
    ("/sources/new", sources.save, ADMIN),
    ("/sources/{source_id:int}", sources.save, ADMIN),
    ("/sources/{source_id:int}/keys", sources.add_key, ADMIN),
    ("/sources/{source_id:int}/keys/revoke", sources.revoke_key, ADMIN),
    ("/sources/{source_id:int}/remove", sources.remove, ADMIN),
    ("/connection/{destination_id:int}", connection.save, ADMIN),
    ("/connection/{destination_id:int}/token", connection.set_token, ADMIN),
    ("/connection/{destination_id:int}/test", connection.test, OPERATE),
    ("/connection/{destination_id:int}/pause", connection.pause, OPERATE),
    ("/connection/{destination_id:int}/resume", connection.resume, OPERATE),
    ("/connection/{destination_id:int}/remove", connection.remove, ADMIN),
    ("/schema/{destination_id:int}/properties", schema.make_property, ADMIN),
    ("/schema/{destination_id:int}/apply", schema.apply, ADMIN),
    ("/mapping/{destination_id:int}", mapping.save_switches, OPERATE),
    ("/mapping/{destination_id:int}/rules", mapping.add_rule, OPERATE),
    ("/mapping/{destination_id:int}/rules/remove", mapping.remove_rule, OPERATE),
    ("/rules/{destination_id:int}/edit", rule_editor.save, ADMIN),
    ("/rules/{destination_id:int}/move", rules.move, ADMIN),
    ("/rules/{destination_id:int}/switch", rules.switch, ADMIN),
    ("/rules/{destination_id:int}/remove", rules.remove, ADMIN),
    ("/rules/{destination_id:int}/preset", rules.preset, ADMIN),
    ("/test", dry_run.run, OPERATE),
    ("/import/files", history.add, ADMIN),
    ("/import/{file_id}/bytes", history.add_part, ADMIN),
    ("/import/{file_id}/preview", history.preview, ADMIN),
    ("/import/{file_id}/begin", history.begin, ADMIN),
    ("/import/{file_id}/remove", history.remove, ADMIN),
    ("/regulations", regulations.create, ADMIN),
    ("/members", system.save_member, ADMIN),
    ("/members/remove", system.remove_member, ADMIN),
)
STREAMS: tuple[tuple[str, PageFunction, Role], ...] = (("/live/changes", live.changes, VIEW),)
"""The role that each page, change and stream requires. These tables are the only way to reach the console."""

Door = Callable[[Request, Shared], Awaitable[Response]]


def console_routes(shared: Shared) -> list[BaseRoute]:
    """The routes of the pages."""
    routes: list[BaseRoute] = [
        shared.static.route(),
        Route("/login", _door(shared, sign_in.show), methods=["GET"], name="login"),
        Route("/login", _door(shared, sign_in.sign_in), methods=["POST"]),
        Route("/login/sso", _door(shared, single_sign_on.begin_sign_in), methods=["GET"]),
        Route("/login/sso/callback", _door(shared, single_sign_on.come_back), methods=["GET"]),
        Route("/login/sso/end", _door(shared, single_sign_on.sign_out_there), methods=["GET"]),
        Route("/logout", _door(shared, sign_in.sign_out), methods=["POST"]),
    ]
    routes += [Route(path, _page(shared, page, role), methods=["POST"]) for path, page, role in POSTS]
    routes += [Route(path, _page(shared, page, role), methods=["GET"]) for path, page, role in (*STREAMS, *GET_PAGES)]
    return routes


def _door(shared: Shared, door: Door) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await door(request, shared)

    return endpoint


def _page(shared: Shared, page: PageFunction, role: Role) -> Callable[[Request], Awaitable[Response]]:
    """The page, for viewers who have signed in and have the role."""

    async def endpoint(request: Request) -> Response:
        viewer = await viewer_of(request, shared)
        if viewer is None:
            return ask_to_sign_in(request)
        if not viewer.role.may(role):
            raise HTTPException(403, f"this needs the role {role}; you have {viewer.role}")
        return await page(View(request, shared, viewer))

    return endpoint
