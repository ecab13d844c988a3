"""Terraform files with Segment's resources, as exports and people write them.

The file is parsed, not run: `jsonencode(…)` gives its value, and any other expression stays a Reference.
Source: terraform-provider-segment 1.6.0, resources segment_destination, …_subscription, …_filter.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from hubwire.errors import SettingsError
from hubwire.manage.takeover.findings import Reference

_ESCAPES = re.compile(r'\\(?:([nrt"\\])|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))|\$\$(?=\{)|%%(?=\{)')
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def resources(text: str, label: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each resource of a file: its type, its name and its attributes. Nested blocks are objects, or lists of them.

    Errors: SettingsError with the place, and when the parser is not installed.
    """
    try:
        import hcl2
        from lark import UnexpectedInput
    except ImportError as exc:
        raise SettingsError("Terraform files need another package", hint="pip install 'hubwire[files]'") from exc
    try:
        tree = hcl2.parses_to_tree(text + "\n")
    except UnexpectedInput as exc:
        raise SettingsError(f"{label}: not Terraform: line {exc.line}, column {exc.column}") from exc
    for block in _blocks(_child(tree, "body")):
        words = _labels(block)
        if words[0] == "resource" and len(words) == 3:
            yield words[1], words[2], _attributes(_child(block, "body"))


def _blocks(body: Any) -> Iterator[Any]:
    return (node for node in body.children if getattr(node, "data", "") == "block")


def _child(node: Any, name: str) -> Any:
    return next(child for child in node.children if getattr(child, "data", "") == name)


def _labels(block: Any) -> list[str]:
    labels = []
    for child in block.children:
        kind = getattr(child, "data", "")
        if kind == "identifier":
            labels.append(str(child.children[0]))
        elif kind == "string":
            labels.append(str(_string(child)))
    return labels


def _attributes(body: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in body.children:
        kind = getattr(node, "data", "")
        if kind == "attribute":
            parts = [child for child in node.children if getattr(child, "data", "")]
            found[str(parts[0].children[0])] = _value(parts[-1])
        elif kind == "block":
            name, content = _labels(node)[0], _attributes(_child(node, "body"))
            before = found.get(name)
            found[name] = content if before is None else [*(before if isinstance(before, list) else [before]), content]
    return found


def _value(node: Any) -> Any:
    kind = getattr(node, "data", "")
    match kind:
        case "expr_term":
            inner = [child for child in node.children if getattr(child, "data", "") not in ("", "new_line_or_comment")]
            return _value(inner[0]) if len(inner) == 1 else Reference(_source(node))
        case "string":
            return _string(node)
        case "int_lit" | "float_lit" | "literal_value":
            return json.loads(str(node.children[0]))
        case "object":
            return dict(_pair(child) for child in node.children if getattr(child, "data", "") == "object_elem")
        case "tuple":
            return [_value(child) for child in node.children if getattr(child, "data", "") == "expr_term"]
        case "heredoc_template" | "heredoc_template_trim":
            return _heredoc(str(node.children[0]), is_trimmed=kind.endswith("trim"))
        case "function_call" if str(node.children[0].children[0]) == "jsonencode":
            return _value(next(_child(node, "arguments").iter_subtrees_topdown()).children[0])
    return Reference(_source(node))


def _pair(node: Any) -> tuple[str, Any]:
    parts = [child for child in node.children if getattr(child, "data", "") in ("object_elem_key", "expr_term")]
    key = parts[0].children[0]
    inner = key.children[0] if getattr(key, "data", "") == "expr_term" else key
    is_word = getattr(inner, "data", "") == "identifier"
    return str(inner.children[0]) if is_word else str(_value(inner)), _value(parts[1])


def _string(node: Any) -> str:
    parts = [part for child in node.children if getattr(child, "data", "") == "string_part" for part in child.children]
    if any(getattr(part, "data", "") in ("interpolation", "directive") for part in parts):
        return Reference(_source(node))
    return "".join(_unescaped(str(_source(part))) for part in parts)


def _unescaped(text: str) -> str:
    def plain(found: re.Match[str]) -> str:
        if found[1]:
            return _PLAIN[found[1]]
        code = found[2] or found[3]
        return chr(int(code, 16)) if code else found[0][0]

    return _ESCAPES.sub(plain, text)


def _heredoc(text: str, *, is_trimmed: bool) -> str:
    lines = text.split("\n")[1:]
    while lines and not lines[-1].strip():
        lines.pop()
    body = "\n".join(lines[:-1]) + "\n"
    return textwrap.dedent(body) if is_trimmed else body


def _source(node: Any) -> str:
    """The text of an expression."""
    if not hasattr(node, "children"):
        return str(node)
    return "".join(_source(child) for child in node.children)
