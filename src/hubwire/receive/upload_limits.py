"""The bounds of an upload. Segment's own are 32 KB and 500 KB; RudderStack's SDKs send uploads of 4 MB."""

from __future__ import annotations

from dataclasses import dataclass

LARGE_UPLOAD_BYTES = 256 * 1024
"""Larger uploads are held one after the other (chosen; Segment's SDKs send at most 500 KB, most of them far less)."""


@dataclass(frozen=True, slots=True)
class ReceiveLimits:
    """Sizes are bytes after decompression; `max_upload_messages` beyond which messages are journaled as rejected."""

    max_message_bytes: int = 512 * 1024
    max_upload_bytes: int = 4_500_000
    max_upload_messages: int = 2_500
    read_timeout_seconds: float = 20.0
    max_reading_bytes: int = 64 * 1024 * 1024
    """Maximum bytes of incomplete bodies over all connections."""

    @property
    def max_messages_read(self) -> int:
        """Maximum messages of an upload; an upload with more is refused as a whole."""
        return 4 * self.max_upload_messages

    @property
    def max_envelope_bytes(self) -> int:
        """The maximum size of the upload's own context, which is stored with each of its messages."""
        return 2 * self.max_upload_bytes
