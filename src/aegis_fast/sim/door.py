"""Guard the door: appkeys, access tokens, approval keys and the call limit.

Told the time and given its source of randomness. Rules of the broker: one token issue a minute for
each appkey (EGW00133, HTTP 403); within six hours the same token comes back; a token lives a day;
approval keys come one a second and live a day too; calls are counted in a rolling second for each
appkey, over all its connections. All of it follows the door's time, not the market's.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec

from aegis_fast.sim.calls.answers import Answer, Refusal, Request
from aegis_fast.sim.decoding import NotJSON, decoded
from aegis_fast.sim.desk.account import AccountSpec
from aegis_fast.sim.kst import DAY_NS, SECOND_NS, date_of, hhmmss
from aegis_fast.sim.rules import DoorRules, call_limit

__all__ = ["Customer", "Door"]

_MINUTE_NS = 60 * SECOND_NS
_SAME_TOKEN_NS = 6 * 3_600 * SECOND_NS
_LIFE_NS = 24 * 3_600 * SECOND_NS
_NEW_CALLS_PER_S = 3
_NEW_NS = 3 * DAY_NS
_TOKENS_KEPT = 8  # For one appkey; the oldest is forgotten.
_APPROVALS_KEPT = 64

_TEXTS = {
    "EGW00102": "AppKey는 필수입니다.",
    "EGW00103": "유효하지 않은 AppKey입니다.",
    "EGW00104": "AppSecret은 필수입니다.",
    "EGW00105": "유효하지 않은 AppSecret입니다.",
    "EGW00115": "grant_type은 필수입니다.",
    "EGW00116": "지원하지 않는 grant_type입니다.",
    "EGW00121": "유효하지 않은 token 입니다.",
    "EGW00122": "token 값을 찾을 수 없습니다.",
    "EGW00123": "기간이 만료된 token 입니다.",
    "EGW00132": "content-type이 유효하지 않습니다.",
    "EGW00133": "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)",
    "EGW00201": "초당 거래건수를 초과하였습니다.",
    "EGW00205": "credentials_type이 유효하지 않습니다.(Bearer)",
    "EGW00101": "유효하지 않은 요청입니다.",
}


@dataclass(slots=True)
class _Token:
    text: str
    issued_ns: int
    expires_ns: int


class Customer:
    """One appkey: its secret, its accounts, its tokens and its recent calls."""

    def __init__(self, appkey: str, appsecret: str, hts_id: str) -> None:
        self.appkey = appkey
        self.appsecret = appsecret
        self.hts_ids = {hts_id}
        self.accounts: set[str] = set()
        self.tokens: deque[_Token] = deque(maxlen=_TOKENS_KEPT)
        self.last_issue_ns = -_MINUTE_NS
        self.approvals: deque[tuple[str, int]] = deque(maxlen=_APPROVALS_KEPT)
        self.calls: deque[int] = deque()
        self.approval_times: deque[int] = deque()
        self.refused_calls = 0

    def as_json(self, now_ns: int) -> dict[str, Any]:
        """Return the customer as GET /_sim/state shows it; no secrets."""
        return {
            "appkey": self.appkey,
            "accounts": sorted(self.accounts),
            "hts_ids": sorted(self.hts_ids),
            "calls_in_last_second": sum(1 for at_ns in self.calls if at_ns > now_ns - SECOND_NS),
            "calls_refused": self.refused_calls,
            "tokens": sum(1 for token in self.tokens if now_ns < token.expires_ns),
        }


def oauth_failure(code: str, status: int = 403) -> Answer:
    """Return an error of the token calls: they have no rt_cd."""
    body = {"error_description": _TEXTS[code], "error_code": code}
    return Answer(status, msgspec.json.encode(body), code)


class Door:
    """All customers of one simulated broker.

    calls_per_s: None takes the profile's limit of the day, 0 means no limit. start_ns: when the
    door opened; a new customer's three slow days begin there.
    """

    def __init__(
        self,
        specs: tuple[AccountSpec, ...],
        calls_per_s: int | None,
        rng: Random,
        *,
        profile: str = "spec",
        start_ns: int = 0,
        settings: DoorRules | None = None,
    ) -> None:
        self.settings = settings or DoorRules()
        self.settings.check(profile)
        self._profile = profile
        self._calls_per_s = calls_per_s
        self._limit_hour = -1
        self._limit = 0
        self._new_until_ns = start_ns + _NEW_NS if self.settings.is_new_customer else 0
        self._rng = rng
        self.customers: dict[str, Customer] = {}
        for spec in specs:
            customer = self.customers.setdefault(
                spec.appkey, Customer(spec.appkey, spec.appsecret, spec.hts_id)
            )
            customer.hts_ids.add(spec.hts_id)
            customer.accounts.add(spec.account)

    def calls_per_s(self, now_ns: int) -> int:
        """Return the call limit of one appkey at that time; 0 means none."""
        if self._calls_per_s is not None:
            return self._calls_per_s
        if now_ns < self._new_until_ns:
            return _NEW_CALLS_PER_S
        if (hour := now_ns // (3_600 * SECOND_NS)) != self._limit_hour:  # KST days begin on one.
            self._limit_hour = hour
            self._limit = call_limit(self._profile, date_of(now_ns))
        return self._limit

    def as_json(self, now_ns: int) -> dict[str, Any]:
        """Return the limits and who has used how much of them."""
        return {
            "calls_per_s": self.calls_per_s(now_ns),
            "refusal_status": self.settings.refusal_status,
            "is_new_customer": now_ns < self._new_until_ns,
            "approvals_per_s": self.settings.approvals_per_s,
            "session_hold_ms": self.settings.session_hold_ms,
            "customers": [customer.as_json(now_ns) for customer in self.customers.values()],
        }

    def token(self, request: Request, now_ns: int) -> Answer:
        """Answer tokenP."""
        customer = self._from_body(request, "appsecret")
        if isinstance(customer, Answer):
            return customer
        if now_ns - customer.last_issue_ns < _MINUTE_NS:
            return oauth_failure("EGW00133")
        token = customer.tokens[-1] if customer.tokens else None
        if token is None or now_ns - token.issued_ns >= _SAME_TOKEN_NS:
            token = _Token(self._token_text(), now_ns, now_ns + _LIFE_NS)
            customer.tokens.append(token)
        customer.last_issue_ns = now_ns
        return _json(
            {
                "access_token": token.text,
                "access_token_token_expired": _wall_text(token.expires_ns),
                "token_type": "Bearer",
                "expires_in": (token.expires_ns - now_ns) // SECOND_NS,
            }
        )

    def revoke(self, request: Request) -> Answer:
        """Answer revokeP."""
        customer = self._from_body(request, "appsecret", needs_grant=False)
        if isinstance(customer, Answer):
            return customer
        text = _body(request).get("token")
        for token in customer.tokens:
            if token.text == text:
                customer.tokens.remove(token)
                return _json({"code": "200", "message": "접근토큰 폐기에 성공하였습니다"})
        return oauth_failure("EGW00121")

    def approval(self, request: Request, now_ns: int) -> Answer:
        """Answer Approval; its secret travels as `secretkey`."""
        customer = self._from_body(request, "secretkey")
        if isinstance(customer, Answer):
            return customer
        limit = self.settings.approvals_per_s
        if (
            limit
            and self.calls_per_s(now_ns)
            and not _count(customer.approval_times, limit, now_ns)
        ):
            return oauth_failure("EGW00201", self.settings.refusal_status)
        text = self._hex(8, 4, 4, 4, 12)
        customer.approvals.append((text, now_ns + _LIFE_NS))
        return _json({"approval_key": text})

    def hashkey(self, request: Request) -> Answer:
        """Answer hashkey: a digest of the body, which nobody has to send back."""
        self._from_headers(request)
        body = _body(request)
        digest = hashlib.sha256(request.body).hexdigest()
        return _json({"BODY": body, "HASH": digest})

    def enter(self, request: Request, now_ns: int, *, is_counted: bool = True) -> Customer:
        """Return who calls, after checking key, token and call limit. Raises Refusal.

        is_counted: False for a call that the broker makes in the client's name.
        """
        customer = self._from_headers(request)
        self._check_token(customer, request.headers.get("authorization", ""), now_ns)
        _check_content_type(request)
        limit = self.calls_per_s(now_ns)
        if is_counted and limit and not _count(customer.calls, limit, now_ns):
            customer.refused_calls += 1
            raise self.rate_refusal()
        return customer

    def rate_refusal(self) -> Refusal:
        """Return the refusal of a call over the limit, with the HTTP status that is set."""
        return rate_refusal(self.settings.refusal_status)

    def customer_of_approval(self, approval_key: str, now_ns: int) -> Customer | None:
        """Return whose approval key this is; None when nobody's, or a day old."""
        for customer in self.customers.values():
            for text, expires_ns in customer.approvals:
                if text == approval_key and now_ns < expires_ns:
                    return customer
        return None

    def _from_headers(self, request: Request) -> Customer:
        appkey = request.headers.get("appkey", "")
        code = ""
        if not appkey:
            code = "EGW00102"
        elif appkey not in self.customers:
            code = "EGW00103"
        elif not request.headers.get("appsecret"):
            code = "EGW00104"
        elif request.headers["appsecret"] != self.customers[appkey].appsecret:
            code = "EGW00105"
        if code:
            raise Refusal(code, _TEXTS[code], status=403)
        return self.customers[appkey]

    def _from_body(
        self, request: Request, secret_name: str, *, needs_grant: bool = True
    ) -> Customer | Answer:
        body = _body(request)
        grant, appkey, secret = (body.get(k) for k in ("grant_type", "appkey", secret_name))
        customer = self.customers.get(appkey) if isinstance(appkey, str) else None
        if needs_grant and not grant:
            return oauth_failure("EGW00115")
        if needs_grant and grant != "client_credentials":
            return oauth_failure("EGW00116")
        if not appkey:
            return oauth_failure("EGW00102")
        if customer is None:
            return oauth_failure("EGW00103")
        if not secret:
            return oauth_failure("EGW00104")
        if secret != customer.appsecret:
            return oauth_failure("EGW00105")
        return customer

    @staticmethod
    def _check_token(customer: Customer, authorization: str, now_ns: int) -> None:
        scheme, _, text = authorization.partition(" ")
        token = next((t for t in customer.tokens if t.text == text.strip()), None)
        code = ""
        if not authorization:
            code = "EGW00122"
        elif scheme != "Bearer":
            code = "EGW00205"
        elif token is None:
            code = "EGW00121"
        elif now_ns >= token.expires_ns:
            code = "EGW00123"
        if code:
            raise Refusal(code, _TEXTS[code], status=500)

    def _hex(self, *widths: int) -> str:
        return "-".join(f"{self._rng.getrandbits(4 * width):0{width}x}" for width in widths)

    def _token_text(self) -> str:
        # Shaped like the broker's: three parts of base64 characters. It means nothing.
        return f"eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.{self._hex(200)}.{self._hex(86)}"


def rate_refusal(status: int = 500) -> Refusal:
    """Return the refusal of a call over the limit: HTTP 500 (or 200) with a JSON body."""
    return Refusal("EGW00201", _TEXTS["EGW00201"], status=status)


def _count(times: deque[int], limit: int, now_ns: int) -> bool:
    """Count one more in a rolling second, if it fits."""
    while times and times[0] <= now_ns - SECOND_NS:
        times.popleft()
    if len(times) >= limit:
        return False
    times.append(now_ns)
    return True


def _check_content_type(request: Request) -> None:
    # Only what is plainly no JSON is refused: several clients leave the header out, or let their
    # HTTP library write application/octet-stream.
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind.startswith(("multipart/", "text/", "application/x-www")):
        raise Refusal("EGW00132", _TEXTS["EGW00132"], status=500)


def _body(request: Request) -> dict[str, Any]:
    try:
        body = decoded(request.body)
    except NotJSON:
        body = None
    if not isinstance(body, dict):
        raise Refusal("EGW00101", _TEXTS["EGW00101"], status=403)
    return body


def _json(body: dict[str, Any]) -> Answer:
    return Answer(200, msgspec.json.encode(body))


def _wall_text(time_ns: int) -> str:
    clock = hhmmss(time_ns)
    return f"{date_of(time_ns).isoformat()} {clock[:2]}:{clock[2:4]}:{clock[4:]}"
