"""Operations on alerts: what is on, who is notified, and the settings, which only admins see and change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hubwire.api.operation import ApiOperation, ApiRequest
from hubwire.monitoring.alert_overview import AlertOverview
from hubwire.monitoring.alert_settings import SECRETS, THRESHOLDS, Told
from hubwire.registry.access import Role
from hubwire.secret import Secret
from hubwire.settings import Settings

MAX_URL = 2000
MAX_ADDRESSES = 50
ADDRESS = r"^[^@\s,]{1,64}@[A-Za-z0-9.-]{1,255}$"
SETTING_TYPES = get_type_hints(Settings, include_extras=True)


def _secret(description: str, pattern: str = "") -> Any:
    shape = Meta(min_length=1, max_length=MAX_URL, pattern=pattern or None, extra_json_schema={"writeOnly": True})
    return Annotated[Annotated[str, shape] | None, Meta(description=description)] | UnsetType


Address = Annotated[str, Meta(pattern=ADDRESS)]
RECEIVERS: dict[str, Any] = {
    "alert_webhook_url": _secret(
        "URL to which Hubwire posts alerts, as JSON that Slack also accepts; null: none.", r"^https?://[^/\s]+\S*$"
    ),
    "alert_webhook_secret": _secret("Signs these posts; null: no signature."),
    "smtp_url": _secret("Mail server; null: none.", r"^smtps?://[^/\s]+\S*$"),
    "alert_email_to": Annotated[
        tuple[Address, ...], Meta(max_length=MAX_ADDRESSES, description="Addresses that receive alerts.")
    ]
    | UnsetType,
    "alert_email_from": Annotated[Address | None, Meta(description="Sender of the alert e-mails.")] | UnsetType,
}
if TYPE_CHECKING:

    class AlertSettingsBody(msgspec.Struct, forbid_unknown_fields=True):
        """The alert settings to change; the others stay."""

    class Thresholds(msgspec.Struct):
        """When Hubwire alerts; null: never."""
else:
    thresholds = [(name, SETTING_TYPES[name] | UnsetType, UNSET) for name in THRESHOLDS]
    AlertSettingsBody = msgspec.defstruct(
        "AlertSettingsBody",
        [*((name, kind, UNSET) for name, kind in RECEIVERS.items()), *thresholds],
        kw_only=True,
        forbid_unknown_fields=True,
    )
    Thresholds = msgspec.defstruct("Thresholds", [(name, SETTING_TYPES[name]) for name in THRESHOLDS], kw_only=True)


class AlertSettingsAnswer(msgspec.Struct, kw_only=True):
    """The alert settings in force. `is_stored`: they are not those of the server's environment. `secrets`: which
    secrets are set; no answer contains their values."""

    is_stored: bool
    alert_email_to: list[str]
    alert_email_from: str | None
    secrets: list[str]
    thresholds: Thresholds


class AlertTest(msgspec.Struct, kw_only=True):
    """The result of a test at each receiver; `problem` is empty if it accepted the test."""

    results: list[Told]


async def alerts(request: ApiRequest) -> AlertOverview:
    return await request.view.alerts()


async def alert_settings(request: ApiRequest) -> AlertSettingsAnswer:
    editor = request.view.deps.alert_editor
    settings = await request.view.read(editor.current)
    return AlertSettingsAnswer(
        is_stored=await request.view.read(editor.is_stored),
        alert_email_to=list(settings.alert_email_to),
        alert_email_from=settings.alert_email_from,
        secrets=[name for name in SECRETS if isinstance(getattr(settings, name), Secret)],
        thresholds=msgspec.convert({name: getattr(settings, name) for name in THRESHOLDS}, Thresholds),
    )


async def change_alert_settings(request: ApiRequest) -> AlertSettingsAnswer:
    body = request.body
    values = {name: value for name in body.__struct_fields__ if (value := getattr(body, name)) is not UNSET}
    await request.view.read(request.view.deps.alert_editor.save, request.view.viewer.name, values)
    return await alert_settings(request)


async def reset_alert_settings(request: ApiRequest) -> None:
    await request.view.read(request.view.deps.alert_editor.reset, request.view.viewer.name)


async def test_alerts(request: ApiRequest) -> AlertTest:
    editor = request.view.deps.alert_editor
    return AlertTest(results=await editor.test(await request.view.read(editor.current)))


ALERT_OPERATIONS: tuple[ApiOperation, ...] = (
    ApiOperation(
        name="alerts",
        method="GET",
        path="/alerts",
        summary="Every alert, whether it is on, and who is notified.",
        role=Role.VIEW,
        handler=alerts,
        answer=AlertOverview,
        tag="alerts",
    ),
    ApiOperation(
        name="alert-settings",
        method="GET",
        path="/alerts/settings",
        summary="The alert settings in force, without secrets.",
        role=Role.ADMIN,
        handler=alert_settings,
        answer=AlertSettingsAnswer,
        tag="alerts",
    ),
    ApiOperation(
        name="change-alert-settings",
        method="PATCH",
        path="/alerts/settings",
        summary="Change alert settings. They replace those of the server, as the console's do.",
        role=Role.ADMIN,
        handler=change_alert_settings,
        body=AlertSettingsBody,
        answer=AlertSettingsAnswer,
        tag="alerts",
    ),
    ApiOperation(
        name="reset-alert-settings",
        method="DELETE",
        path="/alerts/settings",
        summary="Go back to the alert settings of the server.",
        role=Role.ADMIN,
        handler=reset_alert_settings,
        status=204,
        tag="alerts",
    ),
    ApiOperation(
        name="test-alerts",
        method="POST",
        path="/alerts/test",
        summary="Send a test to each receiver.",
        role=Role.ADMIN,
        handler=test_alerts,
        answer=AlertTest,
        tag="alerts",
    ),
)
