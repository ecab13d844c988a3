"""Authentication: admin token, members' tokens and passwords, sessions and one-time sign-in links.

Secrets are compared by digest and in constant time. A browser's session secret is random and stored only as a digest.
Session digests depend on the admin token of the settings, so that changing it ends every session.
"""

from __future__ import annotations

import hmac
import secrets
from collections import deque

import msgspec

from hubwire.clock import Clock
from hubwire.errors import HubwireError
from hubwire.manage.members import MAX_SECRET_LENGTH, NO_PASSWORD, digest, is_password, make_token
from hubwire.registry.access import AccessStore, Pass, PassKind, Role
from hubwire.secret import Secret
from hubwire.settings import Settings

COOKIE = "hubwire_session"
SESSION_SECONDS = 12 * 3600
LINK_SECONDS = 24 * 3600
FIRST_MEMBER = "admin"
TRIES = 5
BEARER_TRIES = 50
TRIES_SECONDS = 300
MAX_ADDRESSES = 10_000


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """The signed-in person or program, with its role."""

    name: str
    role: Role


class TooManyTries(HubwireError):
    """One address sent too many wrong tokens or passwords."""

    code = "too-many-tries"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"too many failed tries; try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class Tries:
    """Failed tries by address within a window of time; bounded, the oldest addresses are forgotten first."""

    def __init__(self, limit: int, seconds: int, clock: Clock) -> None:
        self._limit = limit
        self._window_ms = seconds * 1000
        self._clock = clock
        self._failures: dict[str, deque[int]] = {}

    def check(self, address: str) -> None:
        """Raises TooManyTries while an address has no try left."""
        now_ms = self._clock.now_ms()
        failures = self._failures.get(address)
        while failures and failures[0] <= now_ms - self._window_ms:
            failures.popleft()
        if failures and len(failures) >= self._limit:
            raise TooManyTries(max(1, (failures[0] + self._window_ms - now_ms) // 1000))

    def failed(self, address: str) -> None:
        """Count a failed try."""
        failures = self._failures.pop(address, None) or deque(maxlen=self._limit)
        failures.append(self._clock.now_ms())
        self._failures[address] = failures
        while len(self._failures) > MAX_ADDRESSES:
            del self._failures[next(iter(self._failures))]


class Access:
    """Signs people in and recognises them later. Methods block briefly; the shell calls them off the event loop."""

    def __init__(
        self, store: AccessStore, clock: Clock, admin_token: Secret | None, session_seconds: int = SESSION_SECONDS
    ) -> None:
        self.session_seconds = session_seconds
        self._store = store
        self._clock = clock
        self._admin = None if admin_token is None else digest(admin_token)
        self._pepper = b"" if admin_token is None else admin_token.reveal().encode()
        self._sign_ins = Tries(TRIES, TRIES_SECONDS, clock)
        self._bearers = Tries(BEARER_TRIES, TRIES_SECONDS, clock)

    # -- first start and links

    def first_token(self) -> Secret | None:
        """A new admin token, to be shown once, when no token is set and no member exists; else None."""
        if self._admin is not None or self._store.members():
            return None
        token = make_token()
        self._store.save_member(FIRST_MEMBER, Role.ADMIN, token_digest=digest(token))
        return token

    def sign_in_link(self, public_url: str) -> str:
        """A link that signs an admin in, once, within a day."""
        token = secrets.token_urlsafe(24)
        now_ms = self._clock.now_ms()
        session = Pass(
            kind=PassKind.LINK,
            member_name=FIRST_MEMBER,
            role=Role.ADMIN,
            expires_at_ms=now_ms + LINK_SECONDS * 1000,
        )
        self._store.save_pass(self._pass_digest(token), session, now_ms)
        return f"{public_url}/login?token={token}"

    def use_link(self, token: str) -> Viewer | None:
        """The owner of a sign-in link, which works once."""
        if len(token) > MAX_SECRET_LENGTH:
            return None
        return _viewer(self._store.take_pass(self._pass_digest(token), PassKind.LINK, self._clock.now_ms()))

    # -- tokens and passwords

    def bearer(self, token: str, address: str) -> Viewer | None:
        """The owner of a bearer token. Errors: TooManyTries."""
        self._bearers.check(address)
        viewer = self._viewer_of_token(token)
        if viewer is None:
            self._bearers.failed(address)
        return viewer

    def sign_in(self, name: str, secret: str, address: str) -> Viewer | None:
        """The owner of a token, or of a name and password. Errors: TooManyTries."""
        self._sign_ins.check(address)
        viewer = self._viewer_of_token(secret) or self._viewer_of_password(name, secret)
        if viewer is None:
            self._sign_ins.failed(address)
        return viewer

    def _viewer_of_token(self, token: str) -> Viewer | None:
        if not token or len(token) > MAX_SECRET_LENGTH:
            return None
        known_by = digest(Secret(token))
        if self._admin is not None and hmac.compare_digest(known_by, self._admin):
            return Viewer(name=FIRST_MEMBER, role=Role.ADMIN)
        member = self._store.member_of_token(known_by)
        return None if member is None else Viewer(name=member.name, role=member.role)

    def _viewer_of_password(self, name: str, password: str) -> Viewer | None:
        if not password or len(password) > MAX_SECRET_LENGTH:
            return None
        stored = self._store.password_hash(name)
        # Without a stored hash, one is computed as well, so that the time does not reveal who has a password.
        is_right = is_password(password, stored or NO_PASSWORD)
        if stored is None or not is_right:
            return None
        role = next((member.role for member in self._store.members() if member.name == name), None)
        return None if role is None else Viewer(name=name, role=role)

    # -- sign-ins by an identity provider, which count as the others

    def check_tries(self, address: str) -> None:
        """Raises TooManyTries while an address has no try left."""
        self._sign_ins.check(address)

    def count_failed_try(self, address: str) -> None:
        """Count a failed sign-in."""
        self._sign_ins.failed(address)

    # -- sessions

    def open_session(self, viewer: Viewer) -> str:
        """The value of the browser's cookie."""
        cookie = secrets.token_urlsafe(32)
        now_ms = self._clock.now_ms()
        session = Pass(
            kind=PassKind.SESSION,
            member_name=viewer.name,
            role=viewer.role,
            expires_at_ms=now_ms + self.session_seconds * 1000,
        )
        self._store.save_pass(self._pass_digest(cookie), session, now_ms)
        return cookie

    def session(self, cookie: str) -> Viewer | None:
        """The owner of a session cookie that has not expired."""
        if not cookie or len(cookie) > MAX_SECRET_LENGTH:
            return None
        return _viewer(self._store.find_pass(self._pass_digest(cookie), PassKind.SESSION, self._clock.now_ms()))

    def end_session(self, cookie: str) -> None:
        """Sign out."""
        self._store.take_pass(self._pass_digest(cookie), PassKind.SESSION, self._clock.now_ms())

    def _pass_digest(self, secret: str) -> bytes:
        return hmac.digest(self._pepper, secret.encode("utf-8", "surrogatepass"), "sha256")


def new_access(store: AccessStore, clock: Clock, settings: Settings) -> Access:
    """Access with the admin token and the length of sessions from the settings."""
    return Access(store, clock, settings.admin_token, round(settings.session_hours * 3600))


def _viewer(session: Pass | None) -> Viewer | None:
    return None if session is None else Viewer(name=session.member_name, role=session.role)
