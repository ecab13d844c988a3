"""The checks of one portal: token, Hub ID, region, tier, limits, API version, clock, scopes by feature, schema.

The checks only read. Each one judges its own answer, so that one problem does not hide the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from hubwire.clock import Clock
from hubwire.destination import Destination
from hubwire.doctor import Check, ConnectionReport, fail, ok, warn
from hubwire.doctor.features import Allowed, Feature, allowed, features, missing, rule_features
from hubwire.doctor.objects import library_access, library_feature, object_access, object_check, object_features
from hubwire.doctor.portal_schema import property_use_checks, schema_checks
from hubwire.errors import HubSpotError
from hubwire.hubspot.account import must_succeed
from hubwire.hubspot.call import Answer, Call
from hubwire.hubspot.client import HubSpotClient
from hubwire.hubspot.credentials import TokenKind, kind_of, region_of
from hubwire.hubspot.definitions import Account, account_of
from hubwire.hubspot.errors import read_problem
from hubwire.hubspot.paths import ROOTS
from hubwire.plan.presets import object_types_of
from hubwire.plan.rules.rule_set import rule_set
from hubwire.secret import Secret

HUBSPOT = "https://api.hubapi.com"
SERVICE_KEYS = "In HubSpot: Development > Keys > Service keys."
SKEW_WARN_SECONDS, SKEW_FAIL_SECONDS = 60, 300
SOON_MS = 183 * 86_400_000
LOW_SHARE = 0.2
TIERS = {250_000: "Free or Starter", 625_000: "Professional", 650_000: "Professional", 1_000_000: "Enterprise"}
"""The daily limit of an account's private apps and keys, without the API add-on (HubSpot docs, usage guidelines)."""


async def examine(
    destination: Destination, token: Secret | None, client: HubSpotClient | None, clock: Clock
) -> ConnectionReport:
    """The checks of a destination's portal. Errors: none; a check reports what it cannot find out."""
    if token is None or client is None:
        remedy = f"Make a service key and set it: hubwire destination token {destination.name}. {SERVICE_KEYS}"
        return ConnectionReport(checks=[fail("Access token", "none is set", remedy)])
    kind = kind_of(token)
    if kind is TokenKind.API_KEY:
        detail = "this is an API key from before 2022, which HubSpot no longer accepts"
        return ConnectionReport(checks=[fail("Access token", detail, f"Make a service key. {SERVICE_KEYS}")])
    call = Call("read account", "GET", client.paths.account)
    answer = await client.call(call)
    refused = _refused(answer, kind, client)
    if refused is not None:
        return ConnectionReport(checks=[*_address(destination), refused, _version(client, clock.now_ms())])
    account, account_checks = _account(call, answer, destination, token)
    needed = [*features(client.paths), *rule_features(client.paths, destination)]
    answers = {feature.name: await client.call(feature.call) for feature in needed}
    probed = [(feature, allowed(feature, answers[feature.name])) for feature in needed]
    objects = [await _probe_objects(destination, client, name) for name in sorted(object_types_of(destination))]
    tier = _tier(answer.headers, {feature.name: access for feature, access in probed})
    checks = [
        *_address(destination),
        ok("Access token", f"accepted; {kind}"),
        *account_checks,
        _tier_check(tier, answer.headers, kind),
        *_limits(answer.headers, kind),
        _version(client, clock.now_ms()),
        *_clock(answer),
        *(_feature(feature, access) for feature, access in probed),
        *(object_check(name, feature, access) for name, of_type in objects for feature, access in of_type),
        *schema_checks("contacts", answers["Read contact properties"], destination.mapping),
        *schema_checks("companies", answers["Read company properties"], destination.mapping),
        *_rules(destination),
        *property_use_checks(await client.call(Call("read limits", "GET", client.paths.property_limits))),
    ]
    return ConnectionReport(
        checks=checks,
        hub_id=account.hub_id if account else None,
        region=(account.data_hosting_location or None) if account else None,
        tier=tier,
        time_zone=account.time_zone if account else None,
        api_version=client.paths.version,
        api_supported_until=client.paths.supported_until,
        missing_scopes=missing([*probed, *(entry for _, of_type in objects for entry in of_type)]),
    )


async def _probe_objects(
    destination: Destination, client: HubSpotClient, name: str
) -> tuple[str, list[tuple[Feature, Allowed]]]:
    """What an object type of the rules allows; of a type that is not switched on, only that."""
    probed: list[tuple[Feature, Allowed]] = []
    switch = library_feature(client.paths, name)
    if switch is not None and (access := library_access(await client.call(switch.call))) is not None:
        probed.append((switch, access))
        if not access.is_allowed:
            return name, probed
    found = object_features(client.paths, [name], creates_properties=destination.mapping.create_properties)
    probed += [(feature, object_access(feature, await client.call(feature.call))) for feature in found]
    return name, probed


# -- token and account


def _rules(destination: Destination) -> list[Check]:
    """The stored rules that this version cannot read, and so does not run."""
    remedy = "Correct the rule and save it again: hubwire apply, or the page Rules."
    faults = rule_set(destination).faults
    return [fail(f"Rule {name}", f"it is off: {fault}", remedy) for name, fault in faults.items()]


def _address(destination: Destination) -> list[Check]:
    if destination.is_sandbox:
        return [ok("Sandbox", "the bundled emulator takes HubSpot's place; nothing leaves this machine")]
    if destination.base_url.rstrip("/") != HUBSPOT:
        return [warn("Address", f"calls go to {destination.base_url}", f"HubSpot's own address is {HUBSPOT}.")]
    return []


def _refused(answer: Answer, kind: TokenKind, client: HubSpotClient) -> Check | None:
    """A failed check that makes all others impossible, or None."""
    if answer.status is None:
        remedy = "Check the network, proxies and TLS between here and HubSpot, and status.hubspot.com."
        if answer.failure and answer.failure.startswith("no access token"):
            return fail("Access token", answer.failure, "Check the OAuth app's client ID, secret and refresh token.")
        return fail("HubSpot", f"no answer: {answer.failure}", remedy)
    if answer.status == 401:
        detail = read_problem(answer.body).text or answer.failure or "HubSpot does not accept it"
        remedy = f"Set a valid token; this one may have been rotated or revoked. {SERVICE_KEYS}"
        return fail("Access token", f"{kind}, not accepted: {detail}", remedy)
    if answer.status == 404:
        return fail("API version", f"HubSpot has no version {client.paths.version}", "Unset HUBSPOT_API_VERSION.")
    return None


def _account(call: Call, answer: Answer, destination: Destination, token: Secret) -> tuple[Account | None, list[Check]]:
    try:
        account = account_of(must_succeed(call, answer))
    except HubSpotError as exc:
        return None, [warn("Hub ID", f"unknown: {exc}", "Try again. If this lasts, add a scope to the key.")]
    if destination.hub_id is None:
        hub = warn(
            "Hub ID",
            f"the token belongs to portal {account.hub_id}; the destination has none",
            _set_hub(account, destination),
        )
    elif destination.hub_id != account.hub_id:
        detail = f"the token belongs to portal {account.hub_id}, but the destination has {destination.hub_id}"
        hub = fail("Hub ID", detail, f"Use the other portal's token, or run: {_set_hub(account, destination)}")
    else:
        kind = account.account_type.lower().replace("_", " ") or "account"
        hub = ok("Hub ID", f"{account.hub_id}, {kind}, time zone {account.time_zone}")
    return account, [hub, *_region(account, destination, token)]


def _set_hub(account: Account, destination: Destination) -> str:
    return f"hubwire destination change {destination.name} --hub-id {account.hub_id}"


def _region(account: Account, destination: Destination, token: Secret) -> list[Check]:
    region = account.data_hosting_location or region_of(token)
    if not region:
        return []
    if region == destination.region:
        return [ok("Region", region)]
    detail = f"the portal is in {region}, but the destination has {destination.region}: pages load the wrong script"
    return [warn("Region", detail, f"hubwire destination change {destination.name} --region {region}")]


# -- tier and limits


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(f"x-hubspot-ratelimit-{name}", "")
    return int(text) if text.isdecimal() else None


def _tier(headers: Mapping[str, str], probed: Mapping[str, Allowed]) -> str | None:
    """The tier by its daily limit, or by custom events, which only Enterprise has; None if neither shows it."""
    daily = _number(headers, "daily")
    if probed["Send custom events"].is_allowed:
        return "Enterprise"
    return TIERS.get(daily) if daily is not None else None


def _tier_check(tier: str | None, headers: Mapping[str, str], kind: TokenKind) -> Check:
    if tier is not None:
        return ok("Tier", tier)
    if kind is TokenKind.OAUTH:
        return ok("Tier", "unknown: HubSpot does not reveal it to OAuth apps")
    return ok("Tier", f"unknown; {_number(headers, 'daily') or 'an unknown number of'} calls per day")


def _limits(headers: Mapping[str, str], kind: TokenKind) -> list[Check]:
    burst, interval_ms = _number(headers, "max"), _number(headers, "interval-milliseconds")
    daily, left = _number(headers, "daily"), _number(headers, "daily-remaining")
    detail = f"{burst} calls in {interval_ms / 1000:g} s" if burst and interval_ms else "rate unknown"
    if daily is None or left is None:
        day = "no daily limit for OAuth apps" if kind is TokenKind.OAUTH else "daily limit unknown"
        return [ok("Limits", f"{detail}; {day}")]
    detail = f"{detail}; {left:,} of {daily:,} calls left today"
    if left == 0:
        return [fail("Limits", detail, "Delivery resumes at the portal's midnight. Other apps share this limit.")]
    if left < daily * LOW_SHARE:
        return [
            warn(
                "Limits",
                detail,
                "Other private apps and keys of the account share this limit; see the account's usage page.",
            )
        ]
    return [ok("Limits", detail)]


def _version(client: HubSpotClient, now_ms: int) -> Check:
    """The API version and how long HubSpot supports it."""
    version, until = client.paths.version, client.paths.supported_until
    newest = next(iter(ROOTS))
    year, month, *day = (int(part) for part in until.split("-"))
    left_ms = datetime(year, month, day[0] if day else 1, tzinfo=UTC).timestamp() * 1000 - now_ms
    detail = f"{version}, supported until {until}"
    remedy = f"Move to {newest}: hubwire destination change NAME --api-version {newest}"
    if left_ms <= 0:
        return fail("API version", detail, remedy)
    if left_ms < SOON_MS:
        return warn("API version", detail, remedy)
    return ok("API version", detail)


def _clock(answer: Answer) -> list[Check]:
    """This machine's clock compared with HubSpot's Date header, to the second."""
    try:
        theirs = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return []
    ours = (answer.started_at_ms + answer.duration_ms / 2) / 1000
    skew = round(ours - theirs)
    detail = (
        f"{abs(skew)} s {'ahead of' if skew > 0 else 'behind'} HubSpot's" if abs(skew) > 1 else "agrees with HubSpot's"
    )
    remedy = "Correct the machine's clock (NTP): event times and the order of values depend on it."
    if abs(skew) >= SKEW_FAIL_SECONDS:
        return [fail("Clock", detail, remedy)]
    return [warn("Clock", detail, remedy)] if abs(skew) >= SKEW_WARN_SECONDS else [ok("Clock", detail)]


# -- features


def _feature(feature: Feature, access: Allowed) -> Check:
    if access.is_allowed:
        return ok(feature.name, access.said)
    if access.is_allowed is None:
        return warn(feature.name, access.said, "Run the doctor again later.")
    if access.is_tier:
        detail = f"this account does not include it ({access.said}): {feature.lost}"
        return warn(
            feature.name, detail, "Custom events need an Enterprise account. Contacts and companies are not affected."
        )
    scopes = " or ".join(access.scopes[:3])
    remedy = f"Add the scope {scopes} to the service key; its token stays the same. {SERVICE_KEYS}"
    detail = f"the token lacks {scopes}: {feature.lost}"
    return fail(feature.name, detail, remedy) if feature.is_needed else warn(feature.name, detail, remedy)
