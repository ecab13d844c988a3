"""Compiles a mapping: a function from a message to the values of its fields.

Source: @segment/actions-core 3.170.0, mapping-kit's `transform`; docs/reference/rule-languages.md.
"""

from __future__ import annotations

from typing import Any

from hubwire.plan.rules.directives import MappingFailed, compiled, fail, mapping_to_process, without_missing
from hubwire.plan.rules.faults import MAX_LEVELS, MappingRefused, faults_of, is_too_deep
from hubwire.plan.rules.paths import Resolver
from hubwire.plan.rules.values import type_name


def compile_mapping(mapping: Any) -> Resolver:
    """The function of a mapping, from a message (its JSON object) to its values; MISSING if there are none at all.

    Shape: a field whose value is missing is left out; a missing item of a list is MISSING.
    Errors: MappingRefused with all faults, if the mapping cannot be used. The function raises MappingFailed if a
    directive cannot take a value of the message.
    """
    resolve = compiled(check_mapping(mapping))

    def run(message: Any) -> Any:
        if not isinstance(message, dict):
            fail(f"data must be an object, got {type_name(message)}")
        try:
            return without_missing(resolve(message))
        except RecursionError as exc:
            raise MappingFailed("the message is nested too deeply") from exc

    return run


def check_mapping(mapping: Any) -> Any:
    """The mapping with its root key applied. Errors: MappingRefused, with all faults."""
    if is_too_deep(mapping):
        raise MappingRefused([f"/ is nested more than {MAX_LEVELS} levels deep."])
    try:
        fields = mapping_to_process(mapping)
    except MappingFailed as exc:
        raise MappingRefused([f"/ {exc}."]) from exc
    faults = faults_of(fields)
    if faults:
        raise MappingRefused(faults)
    return fields
