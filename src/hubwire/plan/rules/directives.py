"""The directives of the mapping language, each compiled to a function from the root to its value.

Faults that the package finds only when it runs a directive (an operator, a separator) also fail per message here.
Source: @segment/actions-core 3.170.0, mapping-kit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from hubwire.errors import HubwireError
from hubwire.plan.rules import paths
from hubwire.plan.rules.faults import MAX_PATTERN, faults_of, is_directive
from hubwire.plan.rules.paths import Resolver
from hubwire.plan.rules.replacing import replaced
from hubwire.plan.rules.templates import template
from hubwire.plan.rules.values import (
    MISSING,
    entries,
    is_blank,
    is_truthy,
    json_text,
    json_value,
    length,
    text,
    type_name,
    unit,
)

MAX_VALUES = 100_000
MAX_TEMPLATE = 1000
ROOT_KEY = "__segment_internal_directive"


class MappingFailed(HubwireError):
    """A mapping has no result for one message, because a directive got a value that it cannot take."""

    code = "mapping-failed"


def compiled(mapping: Any) -> Resolver:
    """The function of a mapping, or of a part of one, from the root to its value.

    Shape: a value that is not a directive stands for itself; the function returns MISSING where there is no value.
    Errors: the function raises MappingFailed; compiling raises nothing.
    """
    if isinstance(mapping, list):
        items = [compiled(item) for item in mapping]
        return lambda root: [item(root) for item in items]
    if not isinstance(mapping, dict):
        return lambda root: mapping
    if is_directive(mapping):
        name = next(key for key in mapping if key.startswith("@"))
        compile_directive = _DIRECTIVES.get(name)
        if compile_directive is None:
            return _fails(f"{name} is not a valid directive, got undefined")
        return compile_directive(mapping[name])
    fields = [(key, compiled(value)) for key, value in mapping.items()]
    return lambda root: {key: field(root) for key, field in fields}


def mapping_to_process(mapping: Any) -> Any:
    """The mapping with its root key applied: all other keys become the `mapping` of the directive under that key."""
    if mapping is None:
        fail("Cannot convert undefined or null to object")
    fields = _spread(mapping)
    if ROOT_KEY not in fields:
        return fields
    root = fields.pop(ROOT_KEY)
    parts = _spread(root)
    if len(parts) != 1:
        fail("The root mapping must only have a single directive object")
    [(name, options)] = parts.items()
    if not isinstance(options, dict | list):
        fail("The root directive must be an object")
    joined = {**options, "mapping": fields} if isinstance(options, dict) else options
    return [joined] if isinstance(root, list) else {name: joined}


def without_missing(value: Any) -> Any:
    """The value without the fields that are missing; a missing item of a list stays.

    Errors: MappingFailed for more than MAX_VALUES values.
    """
    return _without_missing(value, [MAX_VALUES])


def _without_missing(value: Any, remaining: list[int]) -> Any:
    if not isinstance(value, dict | list):
        return value
    remaining[0] -= len(value)
    if remaining[0] < 0:
        fail(f"a mapping gives at most {MAX_VALUES:,} values")
    if isinstance(value, list):
        return [_without_missing(item, remaining) for item in value]
    return {key: _without_missing(field, remaining) for key, field in value.items() if field is not MISSING}


def transformed(mapping: Any) -> Resolver:
    """The function of a whole mapping. It checks, runs and cleans as the package's `transform` does."""
    if not isinstance(mapping, dict):
        return _fails('@transform "apply" key should be an object')
    try:
        fields = mapping_to_process(mapping)
    except MappingFailed as exc:
        return _fails(str(exc))
    faults = faults_of(fields)
    if faults:
        return _fails(" ".join(faults))
    resolve = compiled(fields)

    def run(root: Any) -> Any:
        if not isinstance(root, dict):
            fail(f"data must be an object, got {type_name(root)}")
        return without_missing(resolve(root))

    return run


def fail(message: str) -> NoReturn:
    """Raise MappingFailed."""
    raise MappingFailed(message)


def _fails(message: str) -> Resolver:
    def run(root: Any) -> Any:
        fail(message)

    return run


def _nothing(root: Any) -> Any:
    return MISSING


def _spread(value: Any) -> dict[str, Any]:
    """The result of `{...value}`: the fields of an object, or the items of a list or characters of a text by index."""
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    return {str(index): unit(value, index) for index in range(length(value))} if isinstance(value, str) else {}


def _if(options: Any) -> Resolver:
    if not isinstance(options, dict):
        return _fails('@if requires an object with an "exists" key')
    if not is_truthy(options.get("exists")) and not is_truthy(options.get("blank")):
        return _fails('@if requires an "exists" key or a "blank" key')
    is_exists = "exists" in options
    condition = compiled(options["exists"] if is_exists else options["blank"])
    then = compiled(options["then"]) if "then" in options else _nothing
    otherwise = compiled(options["else"]) if is_truthy(options.get("else")) else _nothing

    def exists(root: Any) -> Any:
        value = condition(root)
        return then(root) if value is not MISSING and value is not None else otherwise(root)

    def not_blank(root: Any) -> Any:
        return then(root) if not is_blank(condition(root)) else otherwise(root)

    return exists if is_exists else not_blank


def _case(options: Any) -> Resolver:
    if not isinstance(options, dict):
        return _fails('@case requires an object with a "operator" key')
    operator = options.get("operator")
    if not is_truthy(operator):
        return _fails('@case requires a "operator" key')
    if not is_truthy(options.get("value")):
        return _nothing
    resolve = compiled(options["value"])

    def run(root: Any) -> Any:
        value = resolve(root)
        if not isinstance(value, str):
            return value
        if operator == "lower":
            return value.lower()
        if operator == "upper":
            return value.upper()
        return fail('operator key should have a value of "lower" or "upper"')

    return run


def _replace(options: Any) -> Resolver:
    if not isinstance(options, dict) or not is_truthy(options.get("pattern")):
        return _fails('@replace requires a "pattern" key')
    if not is_truthy(options.get("value")):
        return _nothing
    resolve = compiled(options["value"])
    first: tuple[Any, Any] = (options["pattern"], _or(options.get("replacement"), ""))
    second: tuple[Any, Any] = (options.get("pattern2"), _or(options.get("replacement2"), ""))
    ignores_case, is_global = _or(options.get("ignorecase"), False), _or(options.get("global"), True)
    is_usable = all(isinstance(part, str) for part in first)
    is_usable = is_usable and isinstance(ignores_case, bool) and isinstance(is_global, bool)
    has_second = bool(second[0]) and all(isinstance(part, str) for part in second)

    def run(root: Any) -> Any:
        value = resolve(root)
        if isinstance(value, bool | int | float):
            value = text(value)
        if not isinstance(value, str) or not is_usable:
            return ""
        for pattern, replacement in (first, second) if has_second else (first,):
            _check_lengths(pattern, replacement)
            new_value = replaced(value, pattern, replacement, ignores_case, is_global)
            if new_value is None:
                fail("@replace gives a text that is too long")
            value = new_value
        return value

    return run


def _check_lengths(pattern: str, replacement: str) -> None:
    if length(pattern) > MAX_PATTERN:
        fail(f'@replace requires a "pattern" less than {MAX_PATTERN} characters')
    if length(replacement) > MAX_PATTERN:
        fail(f'@replace requires a "replacement" less than {MAX_PATTERN} characters')


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _array_path(options: Any) -> Resolver:
    if not isinstance(options, list):
        return _fails(f"@arrayPath expected array, got {type_name(options)}")
    path = options[0] if options else MISSING
    resolve = paths.from_root(path) if isinstance(path, str) else compiled(path)
    shape = options[1] if len(options) > 1 else None
    if not isinstance(shape, dict) or not shape:
        return resolve
    resolve_shape = compiled(shape)

    def run(root: Any) -> Any:
        value = resolve(root)
        if isinstance(value, list):
            return [resolve_shape(item) for item in value]
        return [resolve_shape(value)] if isinstance(value, dict) else value

    return run


def _of_text(name: str, resolver_of: Callable[[str], Resolver]) -> Callable[[Any], Resolver]:
    """A directive whose option is a text, or a directive that produces one."""

    def compile_directive(options: Any) -> Resolver:
        if isinstance(options, str):
            return resolver_of(options)
        resolve = compiled(options)

        def run(root: Any) -> Any:
            value = resolve(root)
            if not isinstance(value, str):
                fail(f"{name}: expected string, got {type_name(value)}")
            return resolver_of(value)(root)

        return run

    return compile_directive


def _template(characters: str) -> Resolver:
    resolve = template(characters)

    def run(root: Any) -> Any:
        value = resolve({} if root is MISSING else root)
        if value is None:
            fail("@template gives a text that is too long")
        return value

    return run


def _flatten(options: Any) -> Resolver:
    if not isinstance(options, dict) or not is_truthy(options.get("separator")):
        return _fails('@flatten requires a "separator" key')
    resolve_separator = compiled(options["separator"])
    resolve = compiled(options.get("value", MISSING))
    is_shallow = is_truthy(options.get("omitArrays"))

    def run(root: Any) -> Any:
        separator = resolve_separator(root)
        if not isinstance(separator, str):
            fail("@flatten requires a string separator")
        flat: dict[str, Any] = {}
        _flatten_into(flat, resolve(root), "", separator, is_shallow)
        return flat

    return run


def _flatten_into(flat: dict[str, Any], value: Any, prefix: str, separator: str, is_shallow: bool) -> None:
    if isinstance(value, dict) or (isinstance(value, list) and not is_shallow):
        for key, part in entries(_spread(value)):
            _flatten_into(flat, part, f"{prefix}{separator}{key}" if prefix else key, separator, is_shallow)
    else:
        flat[prefix] = value


def _json(options: Any) -> Resolver:
    if not isinstance(options, dict) or not is_truthy(options.get("mode")):
        return _fails('@json requires a "mode" key')
    if not is_truthy(options.get("value")):
        return _fails('@json requires a "value" key')
    resolve = compiled(options["value"])

    def encode(root: Any) -> Any:
        return json_text(resolve(root))

    def decode(root: Any) -> Any:
        value = resolve(root)
        if not isinstance(value, str):
            return value
        decoded = json_value(value)
        return value if decoded is MISSING else decoded

    def neither(root: Any) -> Any:
        resolve(root)
        return MISSING

    return {"encode": encode, "decode": decode}.get(text(options["mode"]), neither)


def _merge(options: Any) -> Resolver:
    if not isinstance(options, dict) or not is_truthy(options.get("direction")):
        return _fails('@merge requires a "direction" key')
    if not is_truthy(options.get("objects")):
        return _fails('@merge requires a "objects" key')
    if not isinstance(options["objects"], list):
        return _fails("@merge: expected opts.array")
    direction = compiled(options["direction"])
    objects = [compiled(part) for part in options["objects"]]

    def run(root: Any) -> Any:
        is_left = direction(root) == "left"
        parts = [resolve(root) for resolve in objects]
        merged: dict[str, Any] = {}
        for part in reversed(parts) if is_left else parts:
            merged.update(entries(_spread(part)))
        return merged

    return run


def _transform(options: Any) -> Resolver:
    for name in ("mapping", "apply"):
        if not isinstance(options, dict) or not is_truthy(options.get(name)):
            return _fails(f'@transform requires a "{name}" key')
    apply, resolve = transformed(options["apply"]), compiled(options["mapping"])
    return lambda root: resolve(apply(root))


def _exclude_when_null(options: Any) -> Resolver:
    resolve = compiled(options)

    def run(root: Any) -> Any:
        value = resolve(root)
        return MISSING if value is None else _without_nulls(value)

    return run


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: MISSING if field is None else _without_nulls(field) for key, field in value.items()}


def _liquid(options: Any) -> Resolver:
    if not isinstance(options, str):
        return _fails("liquid template value must be a string")
    if length(options) > MAX_TEMPLATE:
        return _fails(f"liquid template values are limited to {MAX_TEMPLATE} characters")
    from hubwire.plan.rules.liquid.engine import (
        render,
    )  # python-liquid takes 0.3 s to load, so it is loaded only when used

    return render(options, fail)


_DIRECTIVES: dict[str, Callable[[Any], Resolver]] = {
    "@if": _if,
    "@case": _case,
    "@replace": _replace,
    "@arrayPath": _array_path,
    "@path": _of_text("@path", paths.from_root),
    "@template": _of_text("@template", _template),
    "@literal": compiled,
    "@flatten": _flatten,
    "@json": _json,
    "@merge": _merge,
    "@transform": _transform,
    "@excludeWhenNull": _exclude_when_null,
    "@liquid": _liquid,
}
