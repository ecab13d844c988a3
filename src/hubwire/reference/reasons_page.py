"""The documentation page of reasons, made from the table in `explanations.py`. Pure text."""

from __future__ import annotations

from hubwire.explanations import EXPLANATIONS, Kind

_ABOUT = {
    Kind.REJECTED: "Hubwire keeps the message but never delivers it. The caller gets a 200, as from Segment.",
    Kind.DISCARDED: "A rule dropped the message on purpose. Hubwire counts it and never retries it; you can replay it.",
    Kind.HELD: "The message waits until the missing fact is known; Hubwire then sends it.",
    Kind.LEFT_OUT: "Hubwire leaves out one field of a message and sends the rest.",
    Kind.RETRYING: "Hubwire tries again.",
    Kind.DEAD: "HubSpot does not accept the message. Its page has HubSpot's last answer; you can replay or discard it.",
    Kind.STOPPED: "Delivery to the whole portal has stopped. Nothing is lost, and no message changes its state.",
}


def reasons_page() -> str:
    """The page in Markdown: every reason by kind, with cause and remedy."""
    lines = [
        "# Reasons",
        "",
        "Each reason says why Hubwire did not send a message, or one of its fields, as it arrived. The message page,",
        "`hubwire message ID` and the API show the same words. This page is generated from the code.",
    ]
    for kind in Kind:
        lines += [
            "",
            f"## {kind.value.capitalize()}",
            "",
            _ABOUT[kind],
            "",
            "| Reason | Cause | Remedy |",
            "|---|---|---|",
        ]
        for reason, explanation in EXPLANATIONS.items():
            if explanation.kind is kind:
                lines.append(f"| `{reason.value}` | {explanation.cause} | {explanation.remedy} |")
    return "\n".join(lines) + "\n"
