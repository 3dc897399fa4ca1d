"""Hold the keys of one account and decide when a token may still be used.

A token belongs to (environment, appkey): paper and live never share one (pain 18). KIS gives no
refresh token; a new one may be asked for once a minute, and asking within 6 hours returns the same
one, so renewal at age 6 h is both the specification's rule and KIS's own (S54, reading A20).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import msgspec
import orjson

from aegis_fast.core.masking import mask_account
from aegis_fast.errors import AuthError, ConfigError, ProtocolError
from aegis_fast.kis.fields import NS_PER_S, Row, kst_text_to_ns

__all__ = [
    "REFUSED_WAIT_NS",
    "AppCredentials",
    "TokenRecord",
    "is_due",
    "is_usable",
    "mask",
    "parse_approval_key",
    "parse_token",
    "token_slot",
]

RENEW_AGE_NS = 6 * 3600 * NS_PER_S
# A token this close to its end is not started with: the call must arrive while it is valid.
EXPIRY_MARGIN_NS = 60 * NS_PER_S
# Ask for the next one this long before the end, whatever the age.
RENEW_BEFORE_EXPIRY_NS = 3600 * NS_PER_S
# KIS issues once a minute (EGW00133); the second more is for its clock.
REFUSED_WAIT_NS = 61 * NS_PER_S


def mask(secret: str) -> str:
    """Return a form of a secret fit for logs: its first 4 characters at most, and its length."""
    shown = secret[:4] if len(secret) >= 16 else ""
    return f"{shown}***({len(secret)})"


@dataclass(frozen=True, slots=True, repr=False)
class AppCredentials:
    """What KIS gave one customer. account: 8 + 2 digits; "50000000-01" is read as well.

    hts_id: the id under which own-order notices are registered. Every textual form is masked.
    Raises ConfigError naming the key that is wrong.
    """

    appkey: str
    appsecret: str
    account: str
    hts_id: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "account", self.account.replace("-", ""))
        if not (self.account.isascii() and self.account.isdigit() and len(self.account) == 10):
            raise ConfigError(
                "계좌번호 형식이 아닙니다 / not an account number",
                field="kis.account",
                expected="10 digits: 8 of the account and 2 of the product (usually 01)",
            )
        for name in ("appkey", "appsecret", "hts_id"):
            value = getattr(self, name)
            if not value or value != value.strip() or not value.isascii():
                raise ConfigError(
                    f"{name} 값이 비었거나 공백이 있습니다 / {name} is empty or has spaces",
                    field=f"kis.{name}",
                    expected="the text from the KIS developers portal",
                )

    @property
    def cano(self) -> str:
        """Return the first 8 digits of the account."""
        return self.account[:8]

    @property
    def product_code(self) -> str:
        """Return the last 2 digits of the account."""
        return self.account[8:]

    def __repr__(self) -> str:
        return (
            f"AppCredentials(appkey={mask(self.appkey)}, appsecret=***, "
            f"account={mask_account(self.account)}, hts_id={mask(self.hts_id)})"
        )

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """An access token. slot: `token_slot` of its owner. issued_ns: when it was last asked for."""

    slot: str
    token: str = field(repr=False)
    issued_ns: int
    expires_ns: int


def token_slot(environment: str, appkey: str) -> str:
    """Return the name under which a token is kept; the key itself does not appear in it.

    environment: the profile's name, so that a simulator's token is never taken for a real one.
    """
    return f"{environment}:{hashlib.sha256(appkey.encode()).hexdigest()}"


def is_usable(record: TokenRecord, now_ns: int) -> bool:
    """Tell whether a call may start with this token."""
    return now_ns < record.expires_ns - EXPIRY_MARGIN_NS


def is_due(record: TokenRecord, now_ns: int, renew_age_ns: int = RENEW_AGE_NS) -> bool:
    """Tell whether it is time to ask for the next token: at age 6 h, or an hour before the end.

    The second rule looks at age too, lest a token that KIS keeps returning be asked for all the
    time in its last hour.
    """
    age_ns = now_ns - record.issued_ns
    if age_ns >= renew_age_ns:
        return True
    ends_soon = now_ns >= record.expires_ns - RENEW_BEFORE_EXPIRY_NS
    return ends_soon and age_ns >= REFUSED_WAIT_NS


def parse_token(body: bytes, slot: str, now_ns: int) -> TokenRecord:
    """Read the answer of tokenP. Raises AuthError with KIS's code on a refusal, ProtocolError."""
    row = _auth_answer(body, "token")
    text = row.text("access_token_token_expired", "")
    if text:
        expires_ns = kst_text_to_ns(text, "token.access_token_token_expired")
    else:
        expires_ns = now_ns + row.positive("expires_in") * NS_PER_S
    return TokenRecord(slot, row.text("access_token"), now_ns, expires_ns)


def parse_approval_key(body: bytes) -> str:
    """Read the answer of Approval. Raises AuthError on a refusal, ProtocolError on nonsense."""
    return _auth_answer(body, "approval").text("approval_key")


def encode_records(records: dict[str, TokenRecord]) -> bytes:
    """Return the token file's content."""
    return msgspec.json.encode(records)


def decode_records(content: bytes) -> dict[str, TokenRecord]:
    """Read a token file. A file that cannot be read is an empty one: tokens can be asked for."""
    try:
        return msgspec.json.decode(content, type=dict[str, TokenRecord])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _auth_answer(body: bytes, call: str) -> Row:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise ProtocolError("KIS answer is not JSON", field=call, expected="a JSON object")
    row = Row(answer, call)
    code = row.text("error_code", "") or row.text("msg_cd", "")
    if code:
        message = row.text("error_description", "") or row.text("msg1", "")
        raise AuthError(f"KIS refused: {message or code}", venue_code=code)
    return row
