"""Splits a template into tokens as LiquidJS does: text, outputs and tags, with trimming by `-`.

A quoted text inside an output may hold `}}`; a tag ends at the first `%}`; a `raw` block is text to its `endraw`.
Source: LiquidJS 10.27.2, tokenizer (https://liquidjs.com).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

from liquid.exceptions import LiquidSyntaxError
from liquid.token import TOKEN_CONTENT, TOKEN_EXPRESSION, TOKEN_OUTPUT, TOKEN_TAG, Token

from hubwire.plan.rules.values import BLANKS

_TEXT = re.compile(r"(?:(?!\{\{|\{%).)+", re.DOTALL)
_OUTPUT = re.compile(r"""\{\{((?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?!\}\})[^"'])*)\}\}""", re.DOTALL)
_TAG = re.compile(r"\{%(.*?)%\}", re.DOTALL)
_ENDRAW = re.compile(rf"\{{%[{BLANKS}]*endraw(?![\w\-?])(?:(?!\{{%).)*?%\}}", re.DOTALL)
_NAME = re.compile(r"#|[\w\-?]+")


def tokens_of(source: str) -> Iterator[Token]:
    """The tokens of a template, each output and tag followed by the expression inside it.

    Errors: LiquidSyntaxError when an output, tag or raw block is not closed.
    """
    at, trims_next = 0, False
    while at < len(source):
        found = _TEXT.match(source, at)
        if found is not None:
            at = found.end()
            yield from _text(found[0], at - len(found[0]), source, trims_next, _trims_before(source, at))
            trims_next = False
            continue
        is_tag = source.startswith("{%", at)
        found = (_TAG if is_tag else _OUTPUT).match(source, at)
        if found is None:
            raise LiquidSyntaxError(f"{'tag' if is_tag else 'output'} {source[at : at + 32]!r} not closed", token=None)
        inside, trims_next = _inside(found[1])
        begin, at = at, found.end()
        if not is_tag:
            yield Token(TOKEN_OUTPUT, found[0], begin, source)
            yield Token(TOKEN_EXPRESSION, inside, begin, source)
            continue
        name, argument = _named(inside)
        if name == "raw":
            at, trims_next = yield from _raw(source, begin, at)
            continue
        yield Token(TOKEN_TAG, name, begin, source)
        if argument:
            yield Token(TOKEN_EXPRESSION, argument, begin, source)


def lines_of(source: str) -> Iterator[Token]:
    """The tokens of a `liquid` tag: one tag per line."""
    for line in source.split("\n"):
        inside = line.strip(BLANKS)
        if inside:
            name, argument = _named(inside)
            yield Token(TOKEN_TAG, name, 0, source)
            if argument:
                yield Token(TOKEN_EXPRESSION, argument, 0, source)


def _text(characters: str, at: int, source: str, trims_left: bool, trims_right: bool) -> Iterator[Token]:
    if trims_left:
        characters = characters.lstrip(BLANKS)
    if trims_right:
        characters = characters.rstrip(BLANKS)
    if characters:
        yield Token(TOKEN_CONTENT, characters, at, source)


def _trims_before(source: str, at: int) -> bool:
    """Whether the output or tag at a place trims the text before it."""
    return source[at + 2 : at + 3] == "-"


def _inside(content: str) -> tuple[str, bool]:
    trims_next = content.endswith("-")
    content = content.removeprefix("-")
    return (content.removesuffix("-") if trims_next else content).strip(BLANKS), trims_next


def _named(inside: str) -> tuple[str, str]:
    found = _NAME.match(inside)
    if found is None:
        raise LiquidSyntaxError("illegal tag syntax, tag name expected", token=None)
    return found[0], inside[found.end() :].strip(BLANKS)


def _raw(source: str, begin: int, at: int) -> Generator[Token, None, tuple[int, bool]]:
    end = _ENDRAW.search(source, at)
    if end is None:
        raise LiquidSyntaxError(f"raw {source[begin : begin + 32]!r} not closed", token=None)
    if end.start() > at:
        yield Token(TOKEN_CONTENT, source[at : end.start()], at, source)
    return end.end(), end[0].endswith("-%}")
