"""The filters on texts. Each takes the printed form of its value.

Source: LiquidJS 10.27.2 (https://liquidjs.com).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from hubwire.plan.rules.liquid.values import TOO_LARGE, Filter, LiquidFailed, bounded, stringify
from hubwire.plan.rules.templates import MAX_TEXT
from hubwire.plan.rules.values import BLANKS, MISSING, length, number

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}
_CHARACTERS = {entity: character for character, entity in _ENTITIES.items()}
_ENTITY = re.compile("&(?:amp|lt|gt|#34|#39);")
_BLANK_RUN = re.compile(f"[{BLANKS}]+")
_NEWLINE = re.compile(r"\r?\n")
_CJK = re.compile("[\u4e00-\u9fff\uf900-\ufaff\u3400-\u4dbf\u3040-\u309f\u30a0-\u30ff\uac00-\ud7af]")
_NOT_CJK = re.compile(f"[^\u4e00-\u9fff\uf900-\ufaff\u3400-\u4dbf\u3040-\u309f\u30a0-\u30ff\uac00-\ud7af{BLANKS}]+")
_HTML_BLOCKS = (("<script", "</script>"), ("<style", "</style>"), ("<!--", "-->"), ("<", ">"))
_LATIN = str.maketrans(
    {
        **dict.fromkeys("àáâãäå", "a"),
        **dict.fromkeys("èéêë", "e"),
        **dict.fromkeys("ìíîï", "i"),
        **dict.fromkeys("òóôõöø", "o"),
        **dict.fromkeys("ùúûü", "u"),
        **dict.fromkeys("ýÿ", "y"),
        "æ": "ae",
        "ç": "c",
        "ð": "d",
        "ñ": "n",
        "ß": "ss",
        "œ": "oe",
        "þ": "th",
        "ẞ": "SS",
        "Œ": "OE",
        "Þ": "TH",
    }
)
_SLUG_SIGNS = {"default": "", "latin": "", "pretty": "._~!$&'()+,;=@"}
_LONE_HALF = re.compile("[\ud800-\udfff]")


def _on_text(run: Callable[..., Any]) -> Filter:
    """A filter of the printed value; its arguments stay as they are."""
    return lambda root, value, *arguments: run(stringify(value), *arguments)


def _with_text(name: str, run: Callable[[str, str], str]) -> Filter:
    def filter_(root: Any, value: Any, *arguments: Any) -> str:
        if len(arguments) != 1:
            raise LiquidFailed(f"{name} expect 2 arguments")
        return bounded(run(stringify(value), stringify(arguments[0])))

    return filter_


def _replace(value: str, pattern: Any = MISSING, replacement: Any = MISSING, *rest: Any) -> str:
    part, new = stringify(pattern), stringify(replacement)
    count = value.count(part) if part else max(len(value) - 1, 0)
    if len(value) + count * (len(new) - len(part)) > MAX_TEXT:
        raise LiquidFailed(TOO_LARGE)
    return value.replace(part, new) if part else new.join(value)


def _replace_last(value: str, pattern: Any = MISSING, replacement: Any = MISSING, *rest: Any) -> str:
    part = stringify(pattern)
    index = value.rfind(part)
    return value if index < 0 else bounded(value[:index] + stringify(replacement) + value[index + len(part) :])


def _replace_first(value: str, pattern: Any = MISSING, replacement: Any = MISSING, *rest: Any) -> str:
    return bounded(value.replace(stringify(pattern), stringify(replacement), 1))


def _remove_first(value: str, pattern: Any = MISSING, *rest: Any) -> str:
    return value.replace(stringify(pattern), "", 1)


def _stripping(run: Callable[[str, str], str]) -> Filter:
    def strip(value: str, characters: Any = MISSING, *rest: Any) -> str:
        return run(value, stringify(characters) if characters and characters is not MISSING else BLANKS)

    return _on_text(strip)


def _split(value: str, separator: Any = MISSING, *rest: Any) -> list[str]:
    sign = stringify(separator)
    parts = value.split(sign) if sign else list(value)
    while parts and parts[-1] == "":
        parts.pop()
    return parts


def _capitalize(value: str, *rest: Any) -> str:
    return value[:1].upper() + value[1:].lower()


def _truncate(root: Any, value: Any, size: Any = 50, ellipsis: Any = "...", *rest: Any) -> Any:
    characters, end = stringify(value), stringify(ellipsis)
    limit = number(size)
    if length(characters) <= limit:
        return value
    kept = limit - length(end)
    return characters[: max(int(kept), 0) if math.isfinite(kept) else 0] + end


def _truncatewords(value: str, count: Any = 15, ellipsis: Any = "...", *rest: Any) -> str:
    words = _BLANK_RUN.split(value)
    limit = number(count)
    limit = 1 if limit <= 0 else limit
    if math.isnan(limit):
        return ""
    kept = " ".join(words[: int(min(limit, len(words)))])
    return kept + (stringify(ellipsis) if len(words) >= limit else "")


def _number_of_words(value: str, mode: Any = None, *rest: Any) -> int:
    trimmed = value.strip(BLANKS)
    if not trimmed:
        return 0
    if mode == "cjk" or (mode == "auto" and _CJK.search(trimmed)):
        return len(_CJK.findall(trimmed)) + len(_NOT_CJK.findall(trimmed))
    return len(_BLANK_RUN.split(trimmed))


def _escape(value: str, *rest: Any) -> str:
    return bounded("".join([_ENTITIES.get(character, character) for character in value]))


def _unescape(value: str) -> str:
    return _ENTITY.sub(lambda found: _CHARACTERS[found[0]], value)


def _strip_html(value: str, *rest: Any) -> str:
    """The text without tags, comments, scripts and styles. Takes linear time, even if nothing is closed."""
    blocks, parts, at = dict(_HTML_BLOCKS), [], 0
    while True:
        begin = value.find("<", at)
        end = -1
        for opener, closer in list(blocks.items()) if begin >= 0 else ():
            if value.startswith(opener, begin):
                end = value.find(closer, begin + len(opener))
                if end >= 0:
                    end += len(closer)
                    break
                del blocks[opener]
        parts.append(value[at : begin if end >= 0 else len(value)])
        if end < 0:
            return "".join(parts)
        at = end


def _slugify(value: str, mode: Any = "default", is_cased: Any = False, *rest: Any) -> str:
    if mode == "latin":
        value = value.translate(_LATIN)
    if mode == "ascii":
        value = re.sub("[^A-Za-z0-9]+", "-", value)
    elif mode == "raw":
        value = _BLANK_RUN.sub("-", value)
    elif mode in _SLUG_SIGNS:
        signs = _SLUG_SIGNS[mode]
        value = re.sub("\0+", "-", "".join([c if _is_slug(c) or c in signs else "\0" for c in value]))
    else:
        return value if is_cased else value.lower()
    value = re.sub(r"\A-|-\Z", "", value)
    return value if is_cased and is_cased is not MISSING else value.lower()


def _is_slug(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "ML" or category == "Nd"


def _quoted(value: str, safe: str) -> str:
    if _LONE_HALF.search(value):
        raise LiquidFailed("URI malformed")
    return quote(value, safe=safe)


def _url_decode(value: str, *rest: Any) -> str:
    if re.search("%(?![0-9a-fA-F]{2})", value):
        raise LiquidFailed("URI malformed")
    try:
        return unquote(value, errors="strict").replace("+", " ")
    except UnicodeDecodeError as exc:
        raise LiquidFailed("URI malformed") from exc


def _base64_decode(value: str, *rest: Any) -> str:
    signs = re.sub("[^A-Za-z0-9+/]", "", value.replace("-", "+").replace("_", "/").partition("=")[0])
    signs = signs[:-1] if len(signs) % 4 == 1 else signs
    return base64.b64decode(signs + "=" * (-len(signs) % 4)).decode("utf-8", "replace")


def _utf8(value: str) -> bytes:
    return value.encode("utf-8", "replace")


TEXT_FILTERS: dict[str, Filter] = {
    "escape": _on_text(_escape),
    "xml_escape": _on_text(_escape),
    "escape_once": _on_text(lambda value, *rest: _escape(_unescape(value))),
    "strip_html": _on_text(_strip_html),
    "url_encode": _on_text(lambda value, *rest: _quoted(value, "!'()*-._~").replace("%20", "+")),
    "url_decode": _on_text(_url_decode),
    "cgi_escape": _on_text(lambda value, *rest: _quoted(value, "-._~").replace("%20", "+")),
    "uri_escape": _on_text(lambda value, *rest: _quoted(value, "!#$&'()*+,-./:;=?@_~[]")),
    "slugify": _on_text(_slugify),
    "append": _with_text("append", lambda value, other: value + other),
    "prepend": _with_text("prepend", lambda value, other: other + value),
    "downcase": _on_text(lambda value, *rest: value.lower()),
    "upcase": _on_text(lambda value, *rest: value.upper()),
    "capitalize": _on_text(_capitalize),
    "remove": _on_text(lambda value, part=MISSING, *rest: _replace(value, part, "")),
    "remove_first": _on_text(_remove_first),
    "remove_last": _on_text(lambda value, part=MISSING, *rest: _replace_last(value, part, "")),
    "replace": _on_text(_replace),
    "replace_first": _on_text(_replace_first),
    "replace_last": _on_text(_replace_last),
    "strip": _stripping(str.strip),
    "lstrip": _stripping(str.lstrip),
    "rstrip": _stripping(str.rstrip),
    "split": _on_text(_split),
    "strip_newlines": _on_text(lambda value, *rest: _NEWLINE.sub("", value)),
    "truncate": _truncate,
    "truncatewords": _on_text(_truncatewords),
    "normalize_whitespace": _on_text(lambda value, *rest: _BLANK_RUN.sub(" ", value)),
    "number_of_words": _on_text(_number_of_words),
    "base64_encode": _on_text(lambda value, *rest: base64.b64encode(_utf8(value)).decode()),
    "base64_decode": _on_text(_base64_decode),
    "sha256": _on_text(lambda value, *rest: hashlib.sha256(_utf8(value)).hexdigest()),
    "hmac_sha256": _on_text(
        lambda value, key=MISSING, *rest: hmac.new(_utf8(stringify(key)), _utf8(value), "sha256").hexdigest()
    ),
}
