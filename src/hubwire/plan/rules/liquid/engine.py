"""`@liquid`: templates by python-liquid, with the tags, filters and values of LiquidJS as Segment's package sets it up.

python-liquid parses the template: texts, outputs, tags, blocks, and trimming by `-`. The expressions inside are ours
(`expressions`, `filters`). The root is the message, there is no `event` around it.
Source: @segment/actions-core 3.170.0, `@liquid`; LiquidJS 10.27.2 (https://liquidjs.com).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Container, Iterator
from functools import lru_cache
from typing import Any, NoReturn, TextIO

from liquid import BoundTemplate, Environment, Node, RenderContext, Tag, TokenStream
from liquid.ast import BlockNode
from liquid.builtin.content import Literal
from liquid.builtin.illegal import Illegal
from liquid.exceptions import LiquidError, LiquidSyntaxError, StopRender
from liquid.parser import get_parser
from liquid.token import TOKEN_EOF, TOKEN_EXPRESSION, TOKEN_OUTPUT, TOKEN_TAG, Token

from hubwire.plan.rules.liquid.expressions import Evaluate, Reader, filtered_value
from hubwire.plan.rules.liquid.tokens import lines_of, tokens_of
from hubwire.plan.rules.liquid.values import TOO_LARGE, LiquidFailed, is_liquid_true, stringify
from hubwire.plan.rules.paths import Resolver
from hubwire.plan.rules.templates import MAX_TEXT
from hubwire.plan.rules.values import is_number, text

DISABLED_TAGS = ("case", "for", "include", "layout", "render", "tablerow")

Write = Callable[[RenderContext, TextIO], None]


def render(template: str, fail: Callable[[str], NoReturn]) -> Resolver:
    """The function of a template, from the root to its text. It calls `fail` with the fault of a message."""
    if not template:
        return lambda root: ""
    try:
        bound = _parsed(template)
    except LiquidError as exc:
        reason = str(exc)
        return lambda root: fail(reason)

    def run(root: Any) -> Any:
        try:
            return bound.render({"root": root})
        except LiquidError as exc:
            return fail(str(exc))

    return run


def template_fault(template: str) -> str | None:
    """The fault of a template with which `render` would fail for every message, or None."""
    try:
        _parsed(template)
    except LiquidError as exc:
        return str(exc)
    return None


def _parsed(template: str) -> BoundTemplate:
    return _environment().from_string(template)


class _Environment(Environment):
    block_nesting_limit = 100
    suppress_blank_control_flow_blocks = False

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Add only the tags that Segment allows. There are no filters here: our own expressions run them."""
        tags: list[type[Tag]] = [Literal, Illegal, *_TAGS]
        for tag in tags:
            self.add_tag(tag)
        for name in DISABLED_TAGS:
            self.tags[name] = _Disabled(self)

    def tokenizer(self) -> Callable[[str], Iterator[Token]]:
        """Our tokenizer, which cuts a template as LiquidJS does."""
        return tokens_of


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return _Environment()


class _Node(Node):
    """A node whose output comes from a function."""

    __slots__ = ("write",)

    def __init__(self, token: Token, write: Write) -> None:
        super().__init__(token)
        self.write = write
        self.blank = False

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        self.write(context, buffer)
        return 0


def _argument(stream: TokenStream) -> str:
    """The source text after the name of a tag."""
    if stream.current.kind != TOKEN_EXPRESSION:
        return ""
    return next(stream).value


def _block(env: Environment, stream: TokenStream, ends: Container[str]) -> BlockNode:
    block = get_parser(env).parse_block(stream, ends)
    if stream.current.kind == TOKEN_EOF:
        raise LiquidSyntaxError("a tag is not closed", token=stream.current)
    return block


def _printed(value: Evaluate) -> Write:
    def write(context: RenderContext, buffer: TextIO) -> None:
        buffer.write(stringify(value(context)))
        if buffer.tell() > MAX_TEXT:
            raise LiquidFailed(TOO_LARGE)

    return write


class _Output(Tag):
    name = TOKEN_OUTPUT
    block = False

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_OUTPUT)
        source = stream.expect(TOKEN_EXPRESSION)
        return _Node(token, _printed(filtered_value(source.value)))


class _Inline(Tag):
    """A tag without a block; its reader returns its output function."""

    block = False

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_TAG)
        has_argument = stream.current.kind == TOKEN_EXPRESSION
        write = self.write(Reader(stream.current.value if has_argument else ""))
        if not has_argument:
            stream.pos -= 1
        return _Node(token, write)

    @abstractmethod
    def write(self, reader: Reader) -> Write:
        """The output of the tag, or its change of the variables."""


class _Echo(_Inline):
    name = "echo"

    def write(self, reader: Reader) -> Write:
        return (lambda context, buffer: None) if reader.is_at_end() else _printed(reader.filtered_value())


class _Assign(_Inline):
    name = "assign"

    def write(self, reader: Reader) -> Write:
        variable = reader.word()
        if not variable or not reader.take("="):
            raise LiquidSyntaxError("assign: expected a name, = and a value", token=None)
        value = reader.filtered_value()
        return lambda context, buffer: context.assign(variable, value(context))


class _Counter(_Inline):
    step = 1

    def write(self, reader: Reader) -> Write:
        variable, step = reader.word(), self.step

        def write(context: RenderContext, buffer: TextIO) -> None:
            root = context.globals["root"]
            before = root.get(variable) if isinstance(root, dict) else None
            count: Any = context.counters.get(variable, before if is_number(before) else 0)
            context.counters[variable] = count + step
            buffer.write(text(count if step > 0 else count + step))

        return write


class _Increment(_Counter):
    name = "increment"


class _Decrement(_Counter):
    name = "decrement"
    step = -1


class _Cycle(_Inline):
    name = "cycle"

    def write(self, reader: Reader) -> Write:
        group: Evaluate | None = reader.value()
        candidates: list[Evaluate] = []
        if not reader.take(":"):
            candidates, group = [group] if group is not None else [], None
            reader.past(",")
        while not reader.is_at_end():
            candidate = reader.value()
            if candidate is not None:
                candidates.append(candidate)
            reader.past(",")
        if not candidates:
            raise LiquidSyntaxError("cycle: expected a value", token=None)
        key = reader.source

        def write(context: RenderContext, buffer: TextIO) -> None:
            name = stringify(group(context)) if group is not None else ""
            index = context.cycle((name, key), len(candidates))
            buffer.write(stringify(candidates[index](context)))

        return write


class _Break(_Inline):
    """Ends the output: Segment allows no loops, and outside a loop nothing after this tag is printed."""

    name = "break"

    def write(self, reader: Reader) -> Write:
        def stop(context: RenderContext, buffer: TextIO) -> None:
            raise StopRender

        return stop


class _Continue(_Break):
    name = "continue"


class _Comment(Tag):
    name = "comment"
    end = "endcomment"

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_TAG)
        while not stream.current.is_tag(self.end):
            if stream.current.kind == TOKEN_EOF:
                raise LiquidSyntaxError("comment is not closed", token=token)
            next(stream)
        return _Node(token, lambda context, buffer: None)


class _Liquid(Tag):
    """One tag per line."""

    name = "liquid"
    block = False

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_TAG)
        if stream.current.kind != TOKEN_EXPRESSION:
            stream.pos -= 1
            return _Node(token, lambda context, buffer: None)
        lines = TokenStream(lines_of(stream.current.value), block_depth_carry=stream.block_depth)
        block = get_parser(self.env).parse_block(lines, ())
        return _Node(token, lambda context, buffer: _write_block(block, context, buffer))


class _InlineComment(_Inline):
    name = "#"

    def write(self, reader: Reader) -> Write:
        if any(line.strip() and not line.strip().startswith("#") for line in reader.source.split("\n")[1:]):
            raise LiquidSyntaxError("every line of an inline comment must start with #", token=None)
        return lambda context, buffer: None


class _Block(Tag):
    name = "block"
    end = "endblock"

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_TAG)
        _argument(stream)
        block = _block(self.env, stream, (self.end,))
        return _Node(token, lambda context, buffer: _write_block(block, context, buffer))


class _Capture(Tag):
    name = "capture"
    end = "endcapture"

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_TAG)
        variable = Reader(_argument(stream).strip("\"'")).word()
        if not variable:
            raise LiquidSyntaxError("capture: expected a name", token=token)
        block = _block(self.env, stream, (self.end,))

        def write(context: RenderContext, buffer: TextIO) -> None:
            captured = context.get_buffer(buffer)
            block.render(context, captured)
            context.assign(variable, captured.getvalue())

        return _Node(token, write)


class _If(Tag):
    name = "if"
    end = "endif"
    is_reversed = False

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_TAG)
        ends = (self.end, "elsif", "else")
        branches: list[tuple[Evaluate, bool, BlockNode]] = []
        condition = filtered_value(_argument(stream))
        branches.append((condition, self.is_reversed, _block(self.env, stream, ends)))
        otherwise: BlockNode | None = None
        while stream.current.value != self.end:
            name = next(stream).value
            argument = _argument(stream)
            if otherwise is not None or (name == "else" and argument):
                raise LiquidSyntaxError(f"unexpected {name} {argument}", token=token)
            if name == "else":
                otherwise = _block(self.env, stream, ends)
            else:
                branches.append((filtered_value(argument), False, _block(self.env, stream, ends)))
        return _Node(token, _conditional(branches, otherwise))


class _Unless(_If):
    name = "unless"
    end = "endunless"
    is_reversed = True


def _conditional(branches: list[tuple[Evaluate, bool, BlockNode]], otherwise: BlockNode | None) -> Write:
    def write(context: RenderContext, buffer: TextIO) -> None:
        for condition, is_reversed, block in branches:
            if is_liquid_true(condition(context)) is not is_reversed:
                block.render(context, buffer)
                return
        if otherwise is not None:
            otherwise.render(context, buffer)

    return write


def _write_block(block: BlockNode, context: RenderContext, buffer: TextIO) -> None:
    block.render(context, buffer)


class _Disabled(Tag):
    """A tag that Segment turns off."""

    block = False

    def parse(self, stream: TokenStream) -> Node:
        raise LiquidSyntaxError(f'tag "{stream.current.value}" is disabled', token=stream.current)


_TAGS: tuple[type[Tag], ...] = (
    *(_Output, _Echo, _Assign, _Increment, _Decrement, _Cycle),
    *(_Break, _Continue, _Comment, _InlineComment, _Liquid, _Block, _Capture, _If, _Unless),
)
