"""Property groups over HTTP. Source: HubSpot's OpenAPI; the 409 and GROUP_WITH_ACTIVE_PROPERTIES are recorded."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from hubwire.emulator.calls.schema.properties import check_name, nested_refusal
from hubwire.emulator.store.objects.schema import Group
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import NO_CONTENT, Reply, Request, already_exists, decode, json_reply, not_found


class GroupBody(msgspec.Struct, rename="camel"):
    """A new group."""

    name: str
    label: str
    display_order: int = -1


class GroupPatch(msgspec.Struct, rename="camel"):
    """Changes to a group."""

    label: str | UnsetType = UNSET
    display_order: int | UnsetType = UNSET


_group_body = msgspec.json.Decoder(GroupBody)
_group_patch = msgspec.json.Decoder(GroupPatch)


def list_groups(portal: Portal, request: Request) -> Reply:
    """`GET …/groups`: every group."""
    groups = portal.store(request.params["objectType"]).schema.groups
    return json_reply(200, {"results": list(groups.values())})


def create_group(portal: Portal, request: Request) -> Reply:
    """`POST …/groups`: a group."""
    groups = portal.store(request.params["objectType"]).schema.groups
    body = decode(_group_body, request.body)
    name = body.name.lower()
    check_name(name)
    if name in groups:
        raise already_exists(
            f"A property group named '{name}' already exists.", "Properties.PROPERTY_GROUP_WITH_NAME_EXISTS", name
        )
    place = len(groups) if body.display_order == -1 else body.display_order
    groups[name] = Group(name=name, label=body.label, display_order=place)
    return json_reply(201, groups[name])


def read_group(portal: Portal, request: Request) -> Reply:
    """`GET …/groups/{groupName}`: one group."""
    return json_reply(200, _group(portal, request))


def update_group(portal: Portal, request: Request) -> Reply:
    """`PATCH …/groups/{groupName}`: change a group."""
    group = _group(portal, request)
    patch = decode(_group_patch, request.body)
    if patch.label is not UNSET:
        group.label = patch.label
    if patch.display_order is not UNSET:
        group.display_order = patch.display_order
    return json_reply(200, group)


def archive_group(portal: Portal, request: Request) -> Reply:
    """`DELETE …/groups/{groupName}`: only an empty group goes."""
    store = portal.store(request.params["objectType"])
    group = _group(portal, request)
    members = [name for name, definition in store.schema.live.items() if definition.group_name == group.name]
    if members:
        raise nested_refusal(
            "PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES", f"The group has {len(members)} properties."
        )
    del store.schema.groups[group.name]
    return Reply(NO_CONTENT)


def _group(portal: Portal, request: Request) -> Group:
    group = portal.store(request.params["objectType"]).schema.groups.get(request.params["groupName"])
    if group is None:
        raise not_found(f"Property group {request.params['groupName']} does not exist")
    return group
