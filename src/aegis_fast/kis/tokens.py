"""Get and share access tokens and approval keys.

KIS issues one token a minute and tells the customer about each, so a token is kept in a file that
all processes of the machine share, under a lock, and asked for once however many wait for it (P1,
P2, S54, SE1). The file has mode 600 and is replaced in one step; in it tokens lie under the
environment and a hash of the appkey, so paper and live never mix (S69, pain 18).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from aegis_fast.errors import AegisError, AuthError, ConfigError, ProtocolError, TransientError
from aegis_fast.kis import codec
from aegis_fast.kis.credentials import (
    REFUSED_WAIT_NS,
    RENEW_AGE_NS,
    AppCredentials,
    TokenRecord,
    decode_records,
    encode_records,
    is_due,
    is_usable,
    parse_approval_key,
    parse_token,
    token_slot,
)
from aegis_fast.kis.fields import NS_PER_S
from aegis_fast.kis.profile import Profile
from aegis_fast.kis.rest import NotSent, ReplyLost, RestClient

__all__ = ["TokenIssuer"]

# One waiting process may sit out a refused minute with the lock held, and then ask.
_LOCK_WAIT_S = 75.0
_LOCK_POLL_S = 0.02
# KIS: valid for new connections for about a day.
_APPROVAL_AGE_NS = 23 * 3600 * NS_PER_S
_ALREADY_ISSUED = "EGW00133"

Sleep = Callable[[float], Awaitable[None]]


class TokenIssuer:
    """The one place where tokens of one appkey come from, in this process and, through the file,
    in all others. renew_age_s: 6 h by the specification; up to 23 h for those who dislike the
    message that KIS sends at each issue.
    """

    def __init__(
        self,
        *,
        profile: Profile,
        credentials: AppCredentials,
        rest: RestClient,
        path: Path,
        clock_ns: Callable[[], int],
        renew_age_s: int = RENEW_AGE_NS // NS_PER_S,
        sleep: Sleep = asyncio.sleep,
        logger: logging.Logger | None = None,
    ) -> None:
        self._profile = profile
        self._credentials = credentials
        self._rest = rest
        self._path = path
        self._clock_ns = clock_ns
        self._renew_age_ns = renew_age_s * NS_PER_S
        self._sleep = sleep
        self._log = logger or logging.getLogger("aegis_fast.kis")
        self._slot = token_slot(profile.name, credentials.appkey)
        self._record: TokenRecord | None = None
        self._refused_tokens: set[str] = set()
        self._issuing: asyncio.Task[TokenRecord] | None = None
        self._last_refusal: tuple[int, AuthError] | None = None
        self._no_renewal_before_ns = 0
        self._approval: tuple[str, int] | None = None
        self._approving: asyncio.Task[str] | None = None

    async def token(self, *, wait_s: float | None = None) -> str:
        """Return a token that may be used now.

        A token that is due for renewal is still returned, and the next one is asked for beside it.
        wait_s: at most so long for a missing one; then TransientError (orders do not wait a
        minute). Raises AuthError when KIS refuses the keys, TransientError when it is not there.
        """
        token = self.token_now()
        return token or (await self._await_issue(wait_s)).token

    def token_now(self) -> str:
        """Return a token that may be used now, "" if there is none without asking."""
        now_ns = self._clock_ns()
        record = self._record
        if record is None or not is_usable(record, now_ns):
            return ""
        if now_ns >= self._no_renewal_before_ns and is_due(record, now_ns, self._renew_age_ns):
            self._start_issue()
        return record.token

    async def renew(self, refused: str, *, wait_s: float | None = None) -> str:
        """Return another token than `refused`, which KIS has just turned down (P3).

        Whoever comes second finds the work done. Raises AuthError when KIS returns the same again.
        """
        self._refuse(refused)
        record = self._record
        if record is not None and is_usable(record, self._clock_ns()):
            return record.token
        return (await self._await_issue(wait_s)).token

    async def approval_key(self, *, refused: str = "") -> str:
        """Return the key for the WebSocket; a new one when it is a day old or was `refused`.

        Raises AuthError, TransientError, ProtocolError.
        """
        if self._approval is not None:
            key, issued_ns = self._approval
            if key != refused and self._clock_ns() - issued_ns < _APPROVAL_AGE_NS:
                return key
            self._approval = None
        if self._approving is None or self._approving.done():
            self._approving = asyncio.create_task(self._issue_approval())
            self._approving.add_done_callback(_retrieve)
        return await asyncio.shield(self._approving)

    async def close(self) -> None:
        """Stop what is under way. What is in the file stays."""
        tasks = [task for task in (self._issuing, self._approving) if task and not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _refuse(self, token: str) -> None:
        if len(self._refused_tokens) >= 16:  # a day holds four
            self._refused_tokens.clear()
        self._refused_tokens.add(token)
        if self._record is not None and self._record.token == token:
            self._record = None

    def _start_issue(self) -> asyncio.Task[TokenRecord]:
        if self._issuing is None or self._issuing.done():
            self._issuing = asyncio.create_task(self._issue())
            # Nobody may be waiting for a renewal beside; its failure is in the log already.
            self._issuing.add_done_callback(_retrieve)
        return self._issuing

    async def _await_issue(self, wait_s: float | None) -> TokenRecord:
        task = self._start_issue()
        try:
            return await asyncio.wait_for(asyncio.shield(task), wait_s)
        except TimeoutError:
            raise TransientError(
                "KIS 토큰을 기다리는 중입니다 / no KIS token yet, one is being asked for"
            ) from None

    async def _issue(self) -> TokenRecord:
        """Take the token from the file, or ask KIS and write the file."""
        try:
            async with self._locked():
                shared = self._read_shared()
                if shared is not None and not is_due(shared, self._clock_ns(), self._renew_age_ns):
                    self._record = shared
                    return shared
                record = await self._ask_kis(shared)
                self._record = record
                if record is not shared:
                    await self._save(record)
                return record
        except AegisError as error:
            # The old token may do for hours: do not ask again at every call until then.
            self._no_renewal_before_ns = self._clock_ns() + REFUSED_WAIT_NS
            self._log.warning("KIS token not issued: %s %s", error.venue_code, error)
            raise

    async def _ask_kis(self, shared: TokenRecord | None) -> TokenRecord:
        """Ask once; after "one a minute" use the old token, or wait it out and ask once more."""
        self._check_refusal()
        try:
            return await self._post_token()
        except AuthError as error:
            if error.venue_code != _ALREADY_ISSUED:
                self._last_refusal = (self._clock_ns(), error)
                raise
            if shared is None:
                return await self._ask_a_minute_later()
        except (TransientError, ProtocolError) as error:
            if shared is None:
                raise
            self._log.warning("KIS token not renewed, the old one still serves: %s", error)
        self._no_renewal_before_ns = self._clock_ns() + REFUSED_WAIT_NS
        return shared

    async def _ask_a_minute_later(self) -> TokenRecord:
        self._log.warning("KIS issues one token a minute: waiting 61 s / 토큰 발급 대기 61초")
        await self._sleep(REFUSED_WAIT_NS / NS_PER_S)
        try:
            return await self._post_token()
        except AuthError as error:
            if error.venue_code != _ALREADY_ISSUED:
                raise
            raise TransientError(
                "KIS가 1분이 지나도 토큰 발급을 거절합니다. 같은 앱키를 쓰는 다른 프로그램이 "
                "있는지 확인하십시오 / KIS still refuses after a minute: does another program "
                "or machine use the same app key?",
                venue_code=_ALREADY_ISSUED,
            ) from None

    async def _post_token(self) -> TokenRecord:
        body = await self._post(codec.token(self._profile, self._credentials))
        record = parse_token(body, self._slot, self._clock_ns())
        if record.token in self._refused_tokens:
            error = AuthError(
                "KIS가 거절한 토큰을 다시 발급했습니다 / KIS issued the very token that it "
                "refuses; renew the app key on the developers portal"
            )
            self._last_refusal = (self._clock_ns(), error)
            raise error
        self._log.info("KIS token issued for %s", self._profile.name)
        return record

    async def _issue_approval(self) -> str:
        body = await self._post(codec.approval(self._profile, self._credentials))
        key = parse_approval_key(body)
        self._approval = (key, self._clock_ns())
        return key

    async def _post(self, request: codec.Request) -> bytes:
        headers = {"content-type": "application/json; charset=utf-8"}
        try:
            answer = await self._rest.request(
                request.method,
                request.path,
                headers=headers,
                body=request.body,
                trace_id=uuid4().hex,
            )
        except (NotSent, ReplyLost) as error:
            # Asking for a token again does no harm, so a lost answer is a mere failure here.
            raise TransientError(f"no answer from KIS to {request.call_id}: {error}") from error
        if answer.status >= 500 and not answer.body.lstrip().startswith(b"{"):
            raise TransientError(f"KIS answered HTTP {answer.status} to {request.call_id}")
        return answer.body

    def _check_refusal(self) -> None:
        """Do not ask again within a minute what was refused for good reason (a wrong key)."""
        if self._last_refusal is None:
            return
        refused_ns, error = self._last_refusal
        if 0 <= self._clock_ns() - refused_ns < REFUSED_WAIT_NS:
            raise AuthError(error.message, venue_code=error.venue_code)
        self._last_refusal = None

    @contextlib.asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        """Hold the lock that all processes share. The kernel frees it when its holder dies."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            handle = os.open(self._path.with_name(self._path.name + ".lock"), flags, 0o600)
        except OSError as error:
            raise ConfigError(
                f"토큰 파일을 쓸 수 없습니다 / cannot write the token file: {error.strerror}",
                field="home",
                expected="a directory that this user may write to",
            ) from error
        try:
            waited_s = 0.0
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    # Polled, not awaited in a thread: a thread could not be stopped on close.
                    if waited_s >= _LOCK_WAIT_S:
                        raise TransientError(
                            "다른 프로세스가 토큰을 발급 중입니다 / another process is at the token"
                        ) from None
                    waited_s += _LOCK_POLL_S
                    await asyncio.sleep(_LOCK_POLL_S)
            yield
        finally:
            os.close(handle)

    def _read_shared(self) -> TokenRecord | None:
        """Return the file's token if it may be used and has not been turned down."""
        try:
            if self._path.stat().st_mode & 0o077:
                self._path.chmod(0o600)
            record = decode_records(self._path.read_bytes()).get(self._slot)
        except OSError:
            return None  # No file yet, or not ours: then KIS is asked.
        if record is None or record.token in self._refused_tokens:
            return None
        return record if is_usable(record, self._clock_ns()) else None

    async def _save(self, record: TokenRecord) -> None:
        try:
            await asyncio.to_thread(self._write_shared, record)
        except OSError as error:
            # The token itself is good. Other processes will have to ask for their own.
            self._log.warning("KIS token file not written: %s", error.strerror)

    def _write_shared(self, record: TokenRecord) -> None:
        """Replace the file in one step. Called with the lock held."""
        try:
            records = decode_records(self._path.read_bytes())
        except FileNotFoundError:
            records = {}
        now_ns = self._clock_ns()
        kept = {slot: old for slot, old in records.items() if is_usable(old, now_ns)}
        kept[self._slot] = record
        temporary = self._path.with_name(self._path.name + ".new")
        temporary.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        handle = os.open(temporary, flags, 0o600)
        try:
            with open(handle, "wb", closefd=False) as file:
                file.write(encode_records(kept))
                file.flush()
                os.fsync(handle)
        finally:
            os.close(handle)
        temporary.replace(self._path)


def _retrieve(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
