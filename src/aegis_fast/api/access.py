"""Decide who may do what: keys with roles, and the bearer tokens they are exchanged for.

A key and its secret buy an access token (6 h) and a refresh token (30 d); each use of a refresh
token replaces both (S54, S55, reading A20). Tokens are 256 random bits and kept only as SHA-256, in
memory: a restart forgets them. Everything is bounded: a key keeps `sessions_per_key` sessions, and
the one unused for longest makes room for a new one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from aegis_fast.errors import AuthError, ConfigError, Throttled

__all__ = ["Access", "AccessDenied", "ApiKey", "Grant", "Role", "TokenPair"]

ACCESS_TTL_NS = 6 * 3600 * 10**9
REFRESH_TTL_NS = 30 * 24 * 3600 * 10**9

# Five wrong secrets from one address close this key to that address for half a minute.
GUESSES = 5
LOCK_NS = 30 * 10**9
GUESSERS_KEPT = 1024

# A session keeps its current and its previous access token: answers under way stay valid.
ACCESS_TOKENS_KEPT = 2
USED_REFRESH_KEPT = 8


class Role(StrEnum):
    """What a key may do; each role includes the ones before it (S57, reading A23)."""

    VIEW = "view"
    TRADE = "trade"
    ADMIN = "admin"

    def includes(self, needed: Role) -> bool:
        """Tell whether a key of this role may do what `needed` may."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


class AccessDenied(AuthError):
    """The caller's own key or token was refused: http_status 401 (who?) or 403 (may not)."""

    def __init__(self, message: str, *, http_status: int, **evidence: str) -> None:
        super().__init__(message, **evidence)  # type: ignore[arg-type]
        self.http_status = http_status


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key. secret_sha256: lower-case hex of the SHA-256 of the secret, which is kept nowhere.

    Raises ConfigError on an unusable field.
    """

    id: str
    secret_sha256: str
    role: Role

    def __post_init__(self) -> None:
        if not self.id or len(self.id) > 64:
            raise ConfigError("an API key needs an id", field="id", expected="1 to 64 characters")
        if len(self.secret_sha256) != 64 or set(self.secret_sha256) - set("0123456789abcdef"):
            raise ConfigError(
                f"key {self.id}: bad secret hash", field="secret_sha256", expected="64 hex digits"
            )
        try:
            object.__setattr__(self, "role", Role(self.role))
        except ValueError as e:
            raise ConfigError(
                f"key {self.id}: unknown role", field="role", expected=" | ".join(Role)
            ) from e

    @classmethod
    def of_secret(cls, key_id: str, secret: str, role: Role) -> ApiKey:
        """Build a key from its secret."""
        return cls(key_id, hashlib.sha256(secret.encode()).hexdigest(), role)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a key was exchanged for. Times in ns since the epoch."""

    access_token: str
    refresh_token: str
    role: Role
    access_expires_ns: int
    refresh_expires_ns: int


class _Session:
    """One chain of token pairs that began with one log-in."""

    __slots__ = ("access", "is_revoked", "key", "refresh", "refresh_expires_ns", "used")

    def __init__(self, key: ApiKey) -> None:
        self.key = key
        self.access: OrderedDict[bytes, int] = OrderedDict()
        self.refresh = b""
        self.refresh_expires_ns = 0
        self.used: deque[bytes] = deque()
        self.is_revoked = False


@dataclass(frozen=True, slots=True)
class Grant:
    """Proof that a caller may act, until expires_ns or until its session is revoked."""

    key_id: str
    role: Role
    expires_ns: int
    _session: _Session

    def is_valid(self, now_ns: int) -> bool:
        """Tell whether this proof still holds."""
        return now_ns < self.expires_ns and not self._session.is_revoked

    def require(self, needed: Role) -> None:
        """Raise AccessDenied (403) unless this key's role includes `needed`."""
        if not self.role.includes(needed):
            raise AccessDenied(
                f"key {self.key_id} has the role {self.role}",
                http_status=403,
                field="role",
                expected=f"a key with the role {needed}",
            )


class Access:
    """The keys and the sessions they opened. clock_ns: ns since the epoch; rng(n): n random bytes.

    Not for use from several threads.
    """

    def __init__(
        self,
        keys: Iterable[ApiKey],
        clock_ns: Callable[[], int],
        rng: Callable[[int], bytes],
        *,
        sessions_per_key: int = 1024,
    ) -> None:
        self._keys = {key.id: key for key in keys}
        self._clock_ns = clock_ns
        self._rng = rng
        self._sessions_per_key = sessions_per_key
        # Oldest use first.
        self._sessions: dict[str, OrderedDict[_Session, None]] = {
            key_id: OrderedDict() for key_id in self._keys
        }
        self._by_access: dict[bytes, _Session] = {}
        self._by_refresh: dict[bytes, _Session] = {}
        self._guesses: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()

    def has_key(self, key_id: str) -> bool:
        """Tell whether there is a key of this id."""
        return key_id in self._keys

    @property
    def session_count(self) -> int:
        """How many sessions are kept."""
        return sum(len(sessions) for sessions in self._sessions.values())

    def log_in(self, key_id: str, secret: str, peer: str) -> TokenPair:
        """Exchange a key and its secret for tokens.

        peer: the caller's address, for the lock-out. Raises AccessDenied (401), and Throttled
        after too many wrong secrets.
        """
        now_ns = self._clock_ns()
        key = self._keys.get(key_id)
        guesser = (peer, key_id if key else "")
        self._check_lock(guesser, now_ns)
        digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
        # An unknown key costs the same comparison as a known one.
        is_right = hmac.compare_digest(digest, key.secret_sha256 if key else "0" * 64)
        if key is None or not is_right:
            self._count_guess(guesser, now_ns)
            raise AccessDenied(
                "unknown key or wrong secret",
                http_status=401,
                field="api_secret",
                expected="the id and the secret of a key of this engine",
            )
        self._guesses.pop(guesser, None)
        sessions = self._sessions[key.id]
        while len(sessions) >= self._sessions_per_key:
            self._drop(next(iter(sessions)))
        session = _Session(key)
        sessions[session] = None
        return self._new_pair(session, now_ns)

    def refresh(self, refresh_token: str) -> TokenPair:
        """Replace both tokens. Raises AccessDenied (401).

        A refresh token works once. One that comes a second time was copied: its whole session
        ends, whoever holds the newer token included.
        """
        now_ns = self._clock_ns()
        digest = _digest(refresh_token)
        session = self._by_refresh.get(digest)
        if session is None or now_ns >= session.refresh_expires_ns:
            raise _log_in_again("unknown or expired refresh token", "refresh_token")
        if session.refresh != digest:
            self._drop(session)
            raise _log_in_again(
                "this refresh token was used before; the session is closed", "refresh_token"
            )
        return self._new_pair(session, now_ns)

    def authenticate(self, access_token: str) -> Grant:
        """Return what the bearer of this token may do. Raises AccessDenied (401)."""
        digest = _digest(access_token)
        session = self._by_access.get(digest)
        if session is None:
            raise _log_in_again("unknown access token", "Authorization")
        expires_ns = session.access[digest]
        if self._clock_ns() >= expires_ns:
            raise _log_in_again("the access token has expired", "Authorization")
        self._sessions[session.key.id].move_to_end(session)
        return Grant(session.key.id, session.key.role, expires_ns, session)

    def _new_pair(self, session: _Session, now_ns: int) -> TokenPair:
        access_token, refresh_token = self._new_token("aat_"), self._new_token("art_")
        if session.refresh:
            session.used.append(session.refresh)
            if len(session.used) > USED_REFRESH_KEPT:
                del self._by_refresh[session.used.popleft()]
        while len(session.access) >= ACCESS_TOKENS_KEPT:
            del self._by_access[session.access.popitem(last=False)[0]]
        session.refresh = _digest(refresh_token)
        session.refresh_expires_ns = now_ns + REFRESH_TTL_NS
        access_digest = _digest(access_token)
        session.access[access_digest] = now_ns + ACCESS_TTL_NS
        self._by_access[access_digest] = session
        self._by_refresh[session.refresh] = session
        self._sessions[session.key.id].move_to_end(session)
        return TokenPair(
            access_token,
            refresh_token,
            session.key.role,
            now_ns + ACCESS_TTL_NS,
            session.refresh_expires_ns,
        )

    def _new_token(self, prefix: str) -> str:
        return prefix + base64.urlsafe_b64encode(self._rng(32)).decode().rstrip("=")

    def _drop(self, session: _Session) -> None:
        session.is_revoked = True
        for digest in session.access:
            del self._by_access[digest]
        for digest in (*session.used, session.refresh):
            del self._by_refresh[digest]
        del self._sessions[session.key.id][session]

    def _check_lock(self, guesser: tuple[str, str], now_ns: int) -> None:
        count, last_ns = self._guesses.get(guesser, (0, 0))
        if count >= GUESSES and now_ns < last_ns + LOCK_NS:
            raise Throttled(
                "too many wrong secrets",
                retry_at_ns=last_ns + LOCK_NS,
                field="api_secret",
                expected=f"no attempt for {LOCK_NS // 10**9} s, then the right secret",
            )

    def _count_guess(self, guesser: tuple[str, str], now_ns: int) -> None:
        count, last_ns = self._guesses.pop(guesser, (0, 0))
        if now_ns >= last_ns + LOCK_NS:
            count = 0
        self._guesses[guesser] = (count + 1, now_ns)
        if len(self._guesses) > GUESSERS_KEPT:
            self._guesses.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _log_in_again(message: str, field: str) -> AccessDenied:
    return AccessDenied(
        message,
        http_status=401,
        field=field,
        expected="a live token: POST auth/token with api_key and api_secret gives one",
    )
