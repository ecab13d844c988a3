"""The error tree, sorted by who is at fault. Expected fates of messages are values (`delivery.py`), never exceptions.

Anything raised that is not in this tree is our own bug: it is logged with its traceback and never swallowed.
"""

from __future__ import annotations


class HubwireError(Exception):
    """An error that Hubwire explains: `code` is a stable word for logs and docs, `hint` is the remedy."""

    code = "hubwire-error"
    hint = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint


class SettingsError(HubwireError):
    """The operator's: names the setting, the value (never a secret) and the bound."""

    code = "bad-setting"


class BadValue(SettingsError):
    """An invalid value: names the field, the value (never a secret) and the limit."""

    code = "bad-value"

    def __init__(self, field: str, message: str, *, value: object = None, limit: object = None) -> None:
        super().__init__(message)
        self.field = field
        self.value = value
        self.limit = limit


class Missing(BadValue):
    """The resource of a path does not exist."""

    code = "not-found"


class AlreadyExists(BadValue):
    """Another one already has this value, which must be unique."""

    code = "taken"


class UploadRefused(HubwireError):
    """The caller's: an upload that is answered with `status` and `{"code", "message", "success": false}`."""

    code = "bad-request"
    status = 400

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code or self.code
        self.status = status or self.status
        self.retry_after_seconds = retry_after_seconds


class UnknownWriteKey(UploadRefused):
    """No enabled source has this write key."""

    code = "unknown-write-key"
    status = 401


class MalformedUpload(UploadRefused):
    """The Tracking API does not accept this body."""

    code = "malformed-upload"


class UploadTooLarge(UploadRefused):
    """A message or an upload over its limit: answered 400, which makes SDKs drop it instead of looping."""

    code = "upload-too-large"


class Overloaded(UploadRefused):
    """Too much at once: answered with 429 and Retry-After; nothing of the upload was stored."""

    code = "overloaded"
    status = 429


class BackendError(HubwireError):
    """The environment's: the database refused or failed."""

    code = "backend-error"


class BackendUnavailable(BackendError):
    """The database cannot be reached or written to at the moment; nothing was changed."""

    code = "backend-unavailable"


class Damaged(BackendError):
    """The database's file is damaged: the disk is broken, or another program wrote to it."""

    code = "database-damaged"


class LeaseLost(BackendError):
    """Another worker holds the lane now; nothing was changed and this worker must stop driving the portal."""

    code = "lease-lost"


class SchemaMismatch(BackendError):
    """The database was made by another version of Hubwire."""

    code = "schema-mismatch"


class HubSpotError(HubwireError):
    """Theirs: no usable answer."""

    code = "hubspot-error"


class Unreachable(HubSpotError):
    """No answer at all: refused, reset or timed out. The call may or may not have had its effect."""

    code = "hubspot-unreachable"


class Unreadable(HubSpotError):
    """An answer that is not what HubSpot documents."""

    code = "hubspot-unreadable"


class Refused(HubSpotError):
    """HubSpot refused a call that is made outside delivery (set-up, doctor, schema)."""

    code = "hubspot-refused"

    def __init__(self, status: int, category: str, message: str, correlation_id: str = "") -> None:
        super().__init__(f"HubSpot answered {status} {category}: {message}".strip())
        self.status = status
        self.category = category
        self.correlation_id = correlation_id
