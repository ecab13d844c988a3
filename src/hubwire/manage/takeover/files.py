"""The files of a migration, told apart by their content: Terraform, JSON of Segment's Public API, RudderStack's.

A folder stands for all its files with a known ending.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hubwire.errors import SettingsError
from hubwire.manage.takeover.findings import (
    ACTIONS,
    METADATA,
    DestinationKind,
    Findings,
    FoundDestination,
    FoundFilter,
    FoundOther,
    FoundSubscription,
    Reference,
)
from hubwire.manage.takeover.terraform import resources

ENDINGS = (".tf", ".json", ".yaml", ".yml")
MAX_FILE_BYTES = 50 * 1024 * 1024
MAX_LEVELS = 12
FUNCTIONS = {
    "segment_insert_function_instance": "an insert function",
    "segment_function": "a function",
    "segment_source_function": "a source function",
}


def read_findings(paths: Iterable[Path]) -> Findings:
    """Everything of these files and folders. Errors: SettingsError naming the file and the place."""
    found = Findings()
    for path in _files(paths):
        try:
            size = path.stat().st_size
            if size > MAX_FILE_BYTES:
                raise SettingsError(f"{path}: larger than {MAX_FILE_BYTES // 2**20} MiB")
            text = path.read_text(encoding="utf-8-sig")
        except OSError as exc:
            raise SettingsError(f"{path}: {exc.strerror}") from exc
        except UnicodeDecodeError as exc:
            raise SettingsError(f"{path}: not UTF-8") from exc
        if path.suffix == ".tf":
            _terraform(text, str(path), found)
        else:
            _document(_parsed(text, path), found)
    return found


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.suffix in ENDINGS and file.is_file())
        else:
            yield path


def _parsed(text: str, path: Path) -> Any:
    if path.suffix == ".json":
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as exc:
            raise SettingsError(f"{path}: not JSON: {exc}") from exc
    try:
        import yaml
    except ImportError as exc:
        raise SettingsError("YAML files need another package", hint="pip install 'hubwire[files]'") from exc
    try:
        return [*yaml.safe_load_all(text)]
    except (yaml.YAMLError, RecursionError) as exc:
        raise SettingsError(f"{path}: not YAML: {exc}") from exc


# -- Terraform


def _terraform(text: str, label: str, found: Findings) -> None:
    for kind, name, fields in resources(text, label):
        if kind == "segment_destination":
            metadata = fields.get("metadata") or {}
            destination = FoundDestination(
                key=name,
                name=_text(fields.get("name")) or name,
                kind=METADATA.get(_text(metadata.get("id")), DestinationKind.OTHER),
                is_enabled=fields.get("enabled") is not False,
                settings=_object(fields.get("settings")) or {},
            )
            found.destinations.append(destination)
        elif kind == "segment_destination_subscription":
            found.subscriptions.append(_subscription(fields, _owner(fields), name))
        elif kind == "segment_destination_filter":
            found.filters.append(_filter(fields, _owner(fields), name))
        elif kind in FUNCTIONS:
            found.others.append(_function(FUNCTIONS[kind], _text(fields.get("name")) or name))
        elif kind == "segment_transformation" and fields.keys() & {"new_event_name", "property_renames"}:
            reason = "Hubwire has no transformations: write a rule with other names"
            found.others.append(FoundOther(_text(fields.get("name")) or name, "a transformation", reason))
        elif kind == "rudderstack_destination_hubspot" or kind == "rudderstack_destination_hs":
            found.destinations.append(
                FoundDestination(
                    key=name,
                    name=_text(fields.get("name")) or name,
                    kind=DestinationKind.RUDDERSTACK,
                    is_enabled=fields.get("enabled") is not False,
                    settings=_object(fields.get("config")) or {},
                )
            )


def _owner(fields: Mapping[str, Any]) -> str:
    """The destination of a resource: the name in a reference, or the id, which exports also use as a name."""
    given = fields.get("destination_id")
    if isinstance(given, Reference):
        parts = given.strip("${} \t").split(".")
        return parts[1] if len(parts) > 1 else given
    return _text(given)


# -- JSON and YAML


def _document(value: Any, found: Findings, level: int = 0) -> None:
    """Look for the known shapes anywhere in a document."""
    if isinstance(value, list):
        for item in value:
            _document(item, found, level)
        return
    if not isinstance(value, dict) or level > MAX_LEVELS:
        return
    if _is_rudderstack(value):
        _rudderstack(value, found)
    elif "trigger" in value and ("actionSlug" in value or "actionId" in value):
        found.subscriptions.append(_subscription(value, _text(value.get("destinationId")), ""))
    elif "partnerAction" in value and "subscribe" in value:
        fields = {**value, "trigger": value["subscribe"], "settings": value.get("mapping")}
        fields["actionSlug"] = value["partnerAction"]
        found.subscriptions.append(_subscription(fields, _text(value.get("destinationId")), ""))
    elif "if" in value and "actions" in value:
        found.filters.append(_filter(value, _text(value.get("destinationId")), ""))
    elif "code" in value and ("resourceType" in value or "displayName" in value):
        found.others.append(_function("a function", _text(value.get("displayName")) or _text(value.get("name"))))
    else:
        if isinstance(value.get("metadata"), dict) and "settings" in value:
            found.destinations.append(_segment_destination(value))
        for name, inner in value.items():
            if name not in ("settings", "metadata"):
                _document(inner, found, level + 1)


def _segment_destination(value: dict[str, Any]) -> FoundDestination:
    metadata = value["metadata"]
    kind = METADATA.get(_text(metadata.get("id"))) or METADATA.get(_text(metadata.get("slug")), DestinationKind.OTHER)
    key = _text(value.get("id"))
    return FoundDestination(
        key=key,
        name=_text(value.get("name")) or key or _text(metadata.get("name")),
        kind=kind,
        is_enabled=value.get("enabled") is not False,
        settings=_object(value.get("settings")) or {},
    )


def _is_rudderstack(value: dict[str, Any]) -> bool:
    definition = value.get("destinationDefinition")
    if isinstance(definition, dict):
        return "config" in value
    spec = value.get("spec")
    return str(value.get("version", "")).startswith("rudder/") and isinstance(spec, dict) and "config" in spec


def _rudderstack(value: dict[str, Any], found: Findings) -> None:
    spec = value.get("spec") if "spec" in value else value
    assert isinstance(spec, dict)
    definition = value.get("destinationDefinition") or {}
    kind = _text(spec.get("type")) or _text(definition.get("name"))
    name = _text(spec.get("display_name")) or _text(spec.get("name")) or _text(spec.get("id"))
    transformations = spec.get("transformation") or spec.get("transformations") or ""
    found.destinations.append(
        FoundDestination(
            key=_text(spec.get("id")) or name,
            name=name,
            kind=DestinationKind.RUDDERSTACK if kind.casefold() == "hs" else DestinationKind.OTHER,
            is_enabled=spec.get("enabled") is not False,
            settings=_object(spec.get("config")) or {},
            transformation="yes" if transformations else "",
        )
    )


# -- parts


def _subscription(fields: Mapping[str, Any], destination: str, label: str) -> FoundSubscription:
    """A subscription from its fields in Terraform's or the Public API's names."""
    action = _text(_either(fields, "actionSlug", "action_slug")) or _text(_either(fields, "actionId", "action_id"))
    schedule = _either(fields, "reverseETLSchedule", "reverse_etl_schedule")
    model = _text(_either(fields, "modelId", "model_id"))
    mapping = _object(fields.get("settings"))
    fault = "" if mapping is not None or fields.get("settings") is None else "the file does not hold its settings"
    return FoundSubscription(
        name=_text(fields.get("name")) or label or action,
        destination=destination,
        action=ACTIONS.get(action, action),
        trigger=_text(fields.get("trigger")),
        mapping=mapping if fault else mapping or {},
        is_enabled=fields.get("enabled") is not False,
        model=model or ("a model" if schedule else ""),
        fault=fault,
    )


def _filter(fields: Mapping[str, Any], destination: str, label: str) -> FoundFilter:
    actions = fields.get("actions")
    listed = actions if isinstance(actions, list) else [actions]
    return FoundFilter(
        name=_text(fields.get("title")) or label or "filter",
        destination=destination,
        condition=_text(fields.get("if")),
        actions=[action for action in listed if isinstance(action, dict)],
        is_enabled=fields.get("enabled") is not False,
    )


def _function(kind: str, name: str) -> FoundOther:
    reason = "code is not taken over: many functions rename, drop or add fields, which rules can do"
    return FoundOther(name or "without a name", kind, reason)


def _either(fields: Mapping[str, Any], first: str, second: str) -> Any:
    value = fields.get(first)
    return fields.get(second) if value is None else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _object(value: Any) -> dict[str, Any] | None:
    """An object, or the JSON text of one; None for anything else."""
    if isinstance(value, str) and not isinstance(value, Reference):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None
