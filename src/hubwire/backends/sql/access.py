"""Members, sessions and sign-in links."""

from __future__ import annotations

from hubwire.backends.sql.database import Database
from hubwire.clock import Clock
from hubwire.registry.access import Member, Pass, PassKind, Role

MEMBER_COLUMNS = "name, role, token_digest IS NOT NULL, password_hash IS NOT NULL, created_at_ms"


class SqlAccess:
    """An `AccessStore` in one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def members(self) -> list[Member]:
        rows = self._database.connection.execute(f"SELECT {MEMBER_COLUMNS} FROM member ORDER BY name")
        return [_member(row) for row in rows]

    def save_member(
        self, name: str, role: Role, *, token_digest: bytes | None = None, password_hash: str | None = None
    ) -> Member:
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO member (name, role, token_digest, password_hash, created_at_ms) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET role = excluded.role,"
                " token_digest = coalesce(excluded.token_digest, member.token_digest),"
                " password_hash = coalesce(excluded.password_hash, member.password_hash)",
                (name, role, token_digest, password_hash, self._clock.now_ms()),
            )
            db.execute("DELETE FROM pass WHERE member_name = ?", (name,))
            row = db.execute(f"SELECT {MEMBER_COLUMNS} FROM member WHERE name = ?", (name,)).fetchone()
        return _member(row)

    def remove_member(self, name: str) -> bool:
        with self._database.transaction() as db:
            db.execute("DELETE FROM pass WHERE member_name = ?", (name,))
            return db.execute("DELETE FROM member WHERE name = ?", (name,)).rowcount > 0

    def member_of_token(self, digest: bytes) -> Member | None:
        row = self._database.connection.execute(
            f"SELECT {MEMBER_COLUMNS} FROM member WHERE token_digest = ?",
            (digest,),
        ).fetchone()
        return _member(row) if row else None

    def password_hash(self, name: str) -> str | None:
        row = self._database.connection.execute("SELECT password_hash FROM member WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def save_pass(self, digest: bytes, access_pass: Pass, now_ms: int) -> None:
        with self._database.transaction() as db:
            db.execute("DELETE FROM pass WHERE expires_at_ms <= ?", (now_ms,))
            db.execute(
                "INSERT INTO pass (digest, kind, member_name, role, created_at_ms, expires_at_ms)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    digest,
                    access_pass.kind,
                    access_pass.member_name,
                    access_pass.role,
                    now_ms,
                    access_pass.expires_at_ms,
                ),
            )

    def find_pass(self, digest: bytes, kind: PassKind, now_ms: int) -> Pass | None:
        row = self._database.connection.execute(
            "SELECT kind, member_name, role, expires_at_ms FROM pass"
            " WHERE digest = ? AND kind = ? AND expires_at_ms > ?",
            (digest, kind, now_ms),
        ).fetchone()
        return _pass(row) if row else None

    def take_pass(self, digest: bytes, kind: PassKind, now_ms: int) -> Pass | None:
        with self._database.transaction() as db:
            row = db.execute(
                "DELETE FROM pass WHERE digest = ? AND kind = ? AND expires_at_ms > ?"
                " RETURNING kind, member_name, role, expires_at_ms",
                (digest, kind, now_ms),
            ).fetchone()
        return _pass(row) if row else None


def _member(row: tuple[str, str, int, int, int]) -> Member:
    return Member(
        name=row[0], role=Role(row[1]), has_token=bool(row[2]), has_password=bool(row[3]), created_at_ms=row[4]
    )


def _pass(row: tuple[str, str, str, int]) -> Pass:
    return Pass(kind=PassKind(row[0]), member_name=row[1], role=Role(row[2]), expires_at_ms=row[3])
