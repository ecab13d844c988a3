"""The documentation page of reasons, made from the table in `reasons.py`. Pure text."""

from __future__ import annotations

from hubwire.reasons import EXPLANATIONS, Kind

_ABOUT = {
    Kind.REJECTED: "Kept in the journal when it arrives, never delivered. The caller got a 200, as from Segment.",
    Kind.DISCARDED: "Dropped on purpose by a rule: counted, never retried. A person can replay it.",
    Kind.HELD: "Kept until something becomes known; released by itself.",
    Kind.LEFT_OUT: "One field of a message is not sent; all the rest of the message is.",
    Kind.RETRYING: "Tried again by itself.",
    Kind.DEAD: "HubSpot will not take it. Set aside with its last answer until a person replays it.",
    Kind.STOPPED: "The whole line to the portal stands still. Nothing is lost, and no message is blamed.",
}


def reasons_page() -> str:
    """The page in Markdown: every reason by kind, with cause and remedy."""
    lines = [
        "# Reasons",
        "",
        "Why a message, or a field of it, was not sent as it came. The same words stand on each message's page, in",
        "`hubwire message ID` and in the API. This page is generated from the code.",
    ]
    for kind in Kind:
        lines += [
            "",
            f"## {kind.value.capitalize()}",
            "",
            _ABOUT[kind],
            "",
            "| reason | cause | remedy |",
            "|---|---|---|",
        ]
        for reason, explanation in EXPLANATIONS.items():
            if explanation.kind is kind:
                lines.append(f"| `{reason.value}` | {explanation.cause} | {explanation.remedy} |")
    return "\n".join(lines) + "\n"
