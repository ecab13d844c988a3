"""Operations on messages: status, lists, one message, plans, failures, replays, counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from hubwire import __version__
from hubwire.api import shapes
from hubwire.api.operation import ApiRequest
from hubwire.decoding import merged
from hubwire.delivery import DISCARDABLE, REPLAYABLE
from hubwire.destination import Destination, Source
from hubwire.doctor.checks import ConnectionReport
from hubwire.errors import BadValue, Missing
from hubwire.manage import decisions, snoozing
from hubwire.record.message_filter import MessageFilter
from hubwire.record.queries import AttemptView, MessageDetail, MessageSummary
from hubwire.record.replay import Replay
from hubwire.record.snoozes import Snooze
from hubwire.registry.named import numbered
from hubwire.web.parameters import message_filter, moment_ms, snooze_until
from hubwire.web.request import View


async def status(request: ApiRequest) -> shapes.Status:
    deps = request.view.deps
    lanes = await request.view.read(request.view.lanes)
    extent = await request.view.read(deps.journal.extent)
    return shapes.Status(
        version=__version__,
        is_sandbox=deps.is_sandbox,
        is_drained=all(lane.is_drained for lane in lanes),
        lanes=lanes,
        first_position=extent.first,
        last_position=extent.last,
    )


async def messages(request: ApiRequest) -> shapes.MessageList:
    criteria = await request.view.read(_filter, request)
    more = msgspec.structs.replace(criteria, limit=criteria.limit + 1)
    found = await request.view.read(request.view.deps.queries.messages, more)
    shown = found[: criteria.limit]
    return shapes.MessageList(
        messages=[_masked(request.view, summary) for summary in shown],
        before=shown[-1].position if len(found) > len(shown) else None,
    )


async def message(request: ApiRequest) -> shapes.MessageAnswer:
    details = await _details(request, request.path["message_id"])
    return shapes.MessageAnswer(messages=[_message(request.view, detail) for detail in details])


async def replay(request: ApiRequest) -> shapes.ReplayAnswer:
    criteria = await request.view.read(_filter, request)
    deps = request.view.deps
    if criteria.state not in REPLAYABLE:
        raise BadValue(
            "state",
            "only delivered, discarded, held and dead messages can be replayed",
            value=criteria.state,
            limit=list(REPLAYABLE),
        )
    share = request.body.share_percent
    if request.body.dry_run:
        targets = await request.view.read(deps.queries.targets, criteria)
        cost = await request.view.replay_estimate(targets, share)
        return shapes.ReplayAnswer(count=len(targets), estimate=cost, replay=None, wanted=criteria)
    begun = await request.view.read(decisions.begin_replay, deps, request.view.viewer.name, criteria, None, share)
    return shapes.ReplayAnswer(count=begun.target_count, replay=begun, wanted=criteria)


async def discard(request: ApiRequest) -> shapes.DiscardAnswer:
    criteria = await request.view.read(_filter, request)
    deps = request.view.deps
    if criteria.state not in DISCARDABLE:
        raise BadValue(
            "state", "only dead and held messages can be discarded", value=criteria.state, limit=list(DISCARDABLE)
        )
    if request.body.dry_run:
        count = await request.view.read(deps.queries.count, criteria)
        return shapes.DiscardAnswer(count=count, discarded=None, wanted=criteria)
    note = request.body.note
    done = await request.view.read(decisions.discard, deps, request.view.viewer.name, criteria, None, note)
    return shapes.DiscardAnswer(count=done.count + done.passed_count, discarded=done, wanted=criteria)


async def replays(request: ApiRequest) -> shapes.Replays:
    return shapes.Replays(replays=await request.view.read(request.view.deps.replays.recent, 100))


async def one_replay(request: ApiRequest) -> Replay:
    found = await request.view.read(request.view.deps.replays.replay, request.path["replay_id"])
    if found is None:
        raise Missing("replay_id", "there is no such replay", value=request.path["replay_id"])
    return found


async def pause_replay(request: ApiRequest) -> Replay:
    return await _decide(request, decisions.pause_replay)


async def resume_replay(request: ApiRequest) -> Replay:
    return await _decide(request, decisions.resume_replay)


async def share_replay(request: ApiRequest) -> Replay:
    return await _decide(request, decisions.share_replay, request.body.share_percent)


async def cancel_replay(request: ApiRequest) -> Replay:
    return await _decide(request, decisions.cancel_replay)


async def _decide(request: ApiRequest, decision: Callable[..., bool], *values: int) -> Replay:
    """The replay after the change, even if there was nothing to change."""
    await one_replay(request)
    await request.view.read(decision, request.view.deps, request.view.viewer.name, request.path["replay_id"], *values)
    return await one_replay(request)


async def plan(request: ApiRequest) -> shapes.PlanAnswer:
    source_id = named(request.view.deps.registry.sources(), "source", request.body.source)
    destination_id = named(request.view.deps.registry.destinations(), "destination", request.body.destination)
    run = await request.view.deps.planner(destination_id, source_id, request.body.message)
    return shapes.PlanAnswer(destination_id=destination_id, plan=run)


async def plan_stored(request: ApiRequest) -> shapes.PlanAnswer:
    detail = (await _details(request, request.query.message_id))[0]
    destination_id = named(request.view.deps.registry.destinations(), "destination", request.query.destination)
    run = await request.view.deps.planner(
        destination_id, detail.summary.source_id, merged(detail.body, detail.envelope)
    )
    return shapes.PlanAnswer(destination_id=destination_id, plan=run)


async def failures(request: ApiRequest) -> shapes.Failures:
    groups = await request.view.read(request.view.failure_groups)
    return shapes.Failures(failures=groups.awake, snoozed=groups.snoozed)


async def snooze(request: ApiRequest) -> Snooze:
    fields, criteria = await request.view.read(_named_group, request)
    until_ms = snooze_until(fields, request.view.deps.clock.now_ms())
    return await request.view.read(
        snoozing.snooze_group, request.view.deps, request.view.viewer.name, criteria, until_ms
    )


async def wake(request: ApiRequest) -> shapes.WakeAnswer:
    _, criteria = await request.view.read(_named_group, request)
    is_woken = await request.view.read(snoozing.wake_group, request.view.deps, request.view.viewer.name, criteria)
    return shapes.WakeAnswer(is_woken=is_woken)


def _named_group(request: ApiRequest) -> tuple[dict[str, str], MessageFilter]:
    fields = {name: str(value) for name, value in msgspec.to_builtins(request.body).items() if value is not None}
    return fields, message_filter(fields, request.view.deps.registry)


async def funnel(request: ApiRequest) -> shapes.FunnelAnswer:
    deps = request.view.deps
    since_ms, until_ms = _window(request)
    destination_id = named(deps.registry.destinations(), "destination", request.query.destination)
    return shapes.FunnelAnswer(
        funnel=await request.view.read(deps.statistics.funnel, destination_id, since_ms, until_ms),
        waits=await request.view.read(deps.statistics.waits, destination_id, since_ms, until_ms),
    )


async def intake(request: ApiRequest) -> shapes.IntakeList:
    return shapes.IntakeList(sources=await request.view.read(request.view.deps.statistics.intake, *_window(request)))


async def test_destination(request: ApiRequest) -> ConnectionReport:
    destination_id = named(request.view.deps.registry.destinations(), "destination", request.path["destination_id"])
    return await request.view.deps.tester(destination_id)


def named(known: Mapping[int, Source] | Mapping[int, Destination], field: str, value: str | int | None) -> int:
    """The number of a source or destination from its number or name; without one, the first."""
    by_name = {str(item.name): number for number, item in known.items()}
    if value is None and known:
        return next(iter(known))
    found = by_name.get(str(value), numbered(known, str(value)))
    if found is None:
        raise Missing(field, f"there is no such {field}", value=value)
    return found


def _filter(request: ApiRequest) -> MessageFilter:
    given = request.body if isinstance(request.body, shapes.FilterBody) else request.query
    fields = msgspec.to_builtins(given)
    for name in ("dry_run", "share_percent", "note"):
        fields.pop(name, None)
    if isinstance(fields.get("rejected"), bool):
        fields["rejected"] = "1" if fields["rejected"] else "0"
    present = {name: str(value) for name, value in fields.items() if value is not None}
    return request.view.message_filter(present)


def _window(request: ApiRequest) -> tuple[int | None, int | None]:
    fields = {name: value for name, value in msgspec.to_builtins(request.query).items() if value is not None}
    return moment_ms(fields, "since"), moment_ms(fields, "until")


async def _details(request: ApiRequest, message_id: str) -> list[MessageDetail]:
    found = await request.view.read(request.view.deps.queries.message, message_id)
    if not found:
        raise Missing("message_id", "there is no such message", value=message_id[:200])
    return found


def _masked(view: View, summary: MessageSummary) -> MessageSummary:
    if view.sees_payloads:
        return summary
    return msgspec.structs.replace(
        summary,
        user_id=view.masked_text(summary.user_id),
        anonymous_id=view.masked_text(summary.anonymous_id),
        email=view.masked_text(summary.email),
        event=view.masked_text(summary.event),
        fates=[
            msgspec.structs.replace(fate, detail=view.masked_answer(fate.detail), left_out=view.masked(fate.left_out))
            for fate in summary.fates
        ],
    )


def _message(view: View, detail: MessageDetail) -> shapes.ApiMessage:
    summary = _masked(view, detail.summary)
    return shapes.ApiMessage(
        summary=summary,
        fates=summary.fates,
        body=view.masked(detail.body),
        envelope=view.masked(detail.envelope),
        attempts=[_attempt(view, attempt) for attempt in detail.attempts],
    )


def _attempt(view: View, attempt: AttemptView) -> shapes.ApiAttempt:
    request, response = view.masked(_json(attempt.request)), view.masked(_json(attempt.response))
    return shapes.ApiAttempt(**attempt.summary(), request=request, response=response)


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else None
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace")
