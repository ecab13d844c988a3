"""Owners: a page of them, and one. Source: HubSpot's OpenAPI; v2's shape from HubSpot's legacy pages."""

from __future__ import annotations

from typing import Any

import msgspec

from hubwire.emulator.store.owners import Owner
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Reply, Request, json_reply, not_found

MAX_PAGE = 500


def list_owners(portal: Portal, request: Request) -> Reply:
    """`GET …/owners`: a page of owners, of one e-mail where one is named."""
    limit, after = request.query_page(100, MAX_PAGE)
    email, archived = request.query("email"), request.query_flag("archived")
    found = [
        owner
        for owner in portal.owners.values()
        if owner.archived is archived and email in (None, owner.email) and int(owner.id) > after
    ]
    page = found[:limit]
    body: dict[str, Any] = {"results": page}
    if len(found) > limit:
        body["paging"] = request.next_page(page[-1].id, limit)
    return json_reply(200, body)


def read_owner(portal: Portal, request: Request) -> Reply:
    """`GET …/owners/{ownerId}`: one owner, by owner id or by user id."""
    return json_reply(200, _owner(portal, request, by_user=request.query("idProperty") == "userId"))


def list_users(portal: Portal, _request: Request) -> Reply:
    """`GET /settings/v3/users`: the users of the account."""
    return json_reply(200, {"results": [_user(owner) for owner in portal.owners.values()]})


def read_user(portal: Portal, request: Request) -> Reply:
    """`GET /settings/v3/users/{userId}`: one user by id, or by e-mail address with `idProperty=EMAIL`."""
    by_email = (request.query("idProperty") or "USER_ID").upper() == "EMAIL"
    for owner in portal.owners.values():
        if request.params["userId"] == (owner.email if by_email else str(owner.user_id)):
            return json_reply(200, _user(owner))
    raise not_found()


def list_teams(_portal: Portal, _request: Request) -> Reply:
    """`GET /settings/v3/users/teams`: no teams."""
    return json_reply(200, {"results": []})


def list_owners_v2(portal: Portal, request: Request) -> Reply:
    """`GET /owners/v2/owners`: every owner, in v2's shape."""
    email = request.query("email")
    owners = [owner for owner in portal.owners.values() if not owner.archived and email in (None, owner.email)]
    return json_reply(200, [_v2(portal, owner) for owner in owners])


def _user(owner: Owner) -> dict[str, Any]:
    user = {"id": str(owner.user_id), "email": owner.email, "firstName": owner.first_name, "lastName": owner.last_name}
    return {**user, "roleIds": [], "superAdmin": False}


def _owner(portal: Portal, request: Request, *, by_user: bool) -> Owner:
    key = request.params["ownerId"]
    for owner in portal.owners.values():
        if key == (str(owner.user_id) if by_user else owner.id) and owner.archived is request.query_flag("archived"):
            return owner
    raise not_found()


def _v2(portal: Portal, owner: Owner) -> dict[str, Any]:
    plain = msgspec.to_builtins(owner)
    return {
        "portalId": portal.config.portal_id,
        "ownerId": int(owner.id),
        "type": owner.type,
        **{name: plain[name] for name in ("firstName", "lastName", "email")},
        "remoteList": [],
        "activeUserId": owner.user_id,
    }
