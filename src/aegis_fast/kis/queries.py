"""Ask KIS questions: repeat what failed in passing, read lists to their last page.

A question may be asked again at will, so here a lost answer is a mere failure (S34-S40). What may
not happen is a list that looks whole and is not: every way in which paging can break off ends in
"incomplete" (P15, P16, pain 15).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import uuid4

from aegis_fast.core.model import Priority
from aegis_fast.core.ports import CallGate
from aegis_fast.errors import AuthError, ProtocolError, RejectedError, TransientError
from aegis_fast.kis import answers, outcome
from aegis_fast.kis.codec import FIRST_PAGE, PageKey, Request
from aegis_fast.kis.credentials import AppCredentials
from aegis_fast.kis.outcome import Failure, Reply
from aegis_fast.kis.rest import ReplyLost, RestClient
from aegis_fast.kis.tokens import TokenIssuer

__all__ = [
    "MAX_ATTEMPTS",
    "RETRY_INITIAL_S",
    "RETRY_MAX_S",
    "RETRY_MULTIPLIER",
    "Queries",
    "Scan",
]

# S34-S37: the first call included.
MAX_ATTEMPTS = 3
RETRY_INITIAL_S = 1.0
RETRY_MULTIPLIER = 2.0
RETRY_MAX_S = 10.0
# 10,000 orders a day on real; a longer list is reported as incomplete.
MAX_PAGES = 100
MAX_SCANS = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scan(Generic[T]):
    """A list read page by page. is_complete: it is the whole list, as it stood at one time."""

    rows: tuple[T, ...]
    replies: tuple[Reply, ...]
    is_complete: bool


class _PagingBrokeOff(Exception):
    """The pages ended oddly; what was read stands, what was not is unknown."""


class _ListChanged(Exception):
    """The list changed while it was read; start again."""


class Queries:
    """The query side of a gateway. pause: waits so many seconds, False when it must not go on."""

    def __init__(
        self,
        *,
        rest: RestClient,
        issuer: TokenIssuer,
        credentials: AppCredentials,
        gate: CallGate,
        pause: Callable[[float], Awaitable[bool]],
        retry_initial_s: float,
        retry_max_s: float,
        logger: logging.Logger,
    ) -> None:
        self._rest = rest
        self._issuer = issuer
        self._credentials = credentials
        self._gate = gate
        self._pause = pause
        self._retry_initial_s = retry_initial_s
        self._retry_max_s = retry_max_s
        self._log = logger

    async def ask(self, request: Request) -> tuple[Reply, str]:
        """Return KIS's successful answer and its paging mark; three attempts, 1 s and 2 s apart.

        A token refused is renewed once. A kept connection that turns out dead is replaced without a
        pause (pain 19). Every attempt passes the call limit.
        Raises TransientError, AuthError, RejectedError, ProtocolError.
        """
        attempt, pause_s = 1, self._retry_initial_s
        token = refused_token = ""
        while True:
            try:
                if refused_token:
                    token = await self._issuer.renew(refused_token)
                else:
                    token = await self._issuer.token()
                return await self._ask_once(request, token)
            except AuthError as refusal:
                if refused_token or not outcome.needs_new_token(refusal.venue_code):
                    raise
                refused_token = token
                continue
            except ReplyLost as lost:
                if lost.is_reused and lost.failure is Failure.RESET and attempt < MAX_ATTEMPTS:
                    attempt += 1
                    continue
                error = TransientError(f"no answer to {request.call_id}: {lost}")
            except TransientError as failed:
                error = failed
            if attempt == MAX_ATTEMPTS or not await self._pause(pause_s):
                error.message = f"{error.message} (attempts: {attempt})"
                raise error
            attempt += 1
            pause_s = min(pause_s * RETRY_MULTIPLIER, self._retry_max_s)

    async def scan(
        self,
        build: Callable[[PageKey], Request],
        read_rows: Callable[[Reply], Iterable[T]],
        identity: Callable[[T], object],
    ) -> Scan[T]:
        """Read a list to its end, from the start again when it changed, three times at most.

        identity: what is the same for a row that shows up twice. Such a row means that the list
        moved between two pages, and then another row may have been skipped.
        """
        rows: list[T] = []
        replies: list[Reply] = []
        for _ in range(MAX_SCANS):
            rows, replies = [], []
            try:
                await self._read_pages(build, read_rows, rows, replies)
            except _ListChanged:
                continue
            except _PagingBrokeOff as stop:
                self._log.warning("a list could not be read whole: %s", stop)
                return Scan(tuple(rows), tuple(replies), is_complete=False)
            if len({identity(row) for row in rows}) == len(rows):
                return Scan(tuple(rows), tuple(replies), is_complete=True)
        self._log.warning("a list kept changing while it was read")
        return Scan(tuple(rows), tuple(replies), is_complete=False)

    async def _read_pages(
        self,
        build: Callable[[PageKey], Request],
        read_rows: Callable[[Reply], Iterable[T]],
        rows: list[T],
        replies: list[Reply],
    ) -> None:
        page = FIRST_PAGE
        asked: set[PageKey] = set()
        while page not in asked and len(asked) < MAX_PAGES:
            asked.add(page)
            try:
                reply, tr_cont = await self.ask(build(page))
            except RejectedError as error:
                if error.venue_code == answers.CHANGED_UNDER_WAY:
                    raise _ListChanged from error
                raise
            if reply.msg_cd == answers.CHANGED_UNDER_WAY:
                raise _ListChanged
            rows.extend(read_rows(reply))
            replies.append(reply)
            try:
                following = answers.next_page(reply, tr_cont, page)
            except ProtocolError as error:
                raise _PagingBrokeOff(str(error)) from error
            if following is None:
                return
            page = following
        raise _PagingBrokeOff(f"page {len(asked) + 1} is one too many, or was read before")

    async def _ask_once(self, request: Request, token: str) -> tuple[Reply, str]:
        await self._gate(Priority.QUERY)
        answer = await self._rest.request(
            request.method,
            request.path,
            headers=request.headers(self._credentials, token),
            query=request.query,
            trace_id=uuid4().hex,
        )
        reply = outcome.parse_reply(answer.status, answer.body, request.call_id)
        if reply is None or not reply.is_success:
            raise outcome.query_error(reply, answer.status, request.call_id)
        return reply, answer.tr_cont
