"""Decrypt own-order notices: AES-256-CBC under a key and iv from the registration's answer.

Key and iv belong to one tr_id on one connection; a new connection brings new ones (P10). What is
decrypted carries the account holder's name, so no message here ever quotes it.
Source: KIS.md sections 4 and 5.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from aegis_fast.errors import ProtocolError
from aegis_fast.hot import FrameParser, Notice

__all__ = ["NoticeKeys", "NoticeReader", "decrypt", "encrypt"]

_KEY_BYTES = 32
_BLOCK_BYTES = 16
_BLOCK_BITS = 128


def decrypt(payload: bytes, key: bytes, iv: bytes) -> bytes:
    """Return the plain `^`-separated values of a notice payload.

    key: the 32 ASCII characters of the ack, iv: its 16. Raises ProtocolError when the payload is
    not base64, not whole blocks, badly padded, or not UTF-8 text: a wrong key shows up here.
    """
    try:
        sealed = base64.b64decode(payload.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise _nonsense("not base64") from None
    if not sealed or len(sealed) % _BLOCK_BYTES:
        raise _nonsense("not whole AES blocks")
    decryptor = _cipher(key, iv).decryptor()
    padded = decryptor.update(sealed) + decryptor.finalize()
    unpadder = PKCS7(_BLOCK_BITS).unpadder()
    try:
        plain = unpadder.update(padded) + unpadder.finalize()
        plain.decode()
    except ValueError:
        raise _nonsense("wrong padding or text: wrong key?") from None
    return plain


def encrypt(plain: bytes, key: bytes, iv: bytes) -> bytes:
    """Return a payload that `decrypt` reads back; the simulator's side of the same rule."""
    padder = PKCS7(_BLOCK_BITS).padder()
    padded = padder.update(plain) + padder.finalize()
    encryptor = _cipher(key, iv).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize())


class NoticeKeys:
    """The keys of one connection, by tr_id. At most one pair for each of the few notice TRs."""

    __slots__ = ("_pairs",)

    def __init__(self) -> None:
        self._pairs: dict[str, tuple[bytes, bytes]] = {}

    def store(self, tr_id: str, key: str, iv: str) -> None:
        """Keep the pair of an ack, in place of an earlier one. Raises ProtocolError on its form."""
        pair = (key.encode(), iv.encode())
        _check_pair(*pair)
        self._pairs[tr_id] = pair

    def has(self, tr_id: str) -> bool:
        """Tell whether notices of this TR can be read."""
        return tr_id in self._pairs

    def forget(self) -> None:
        """Drop every pair: the connection that they belong to is gone."""
        self._pairs.clear()

    def decrypt(self, tr_id: str, payload: bytes) -> bytes:
        """Return the plain values. Raises ProtocolError, also when no key has come for this TR."""
        pair = self._pairs.get(tr_id)
        if pair is None:
            raise ProtocolError(
                f"encrypted {tr_id} frame before the answer that carries its key", field=tr_id
            )
        return decrypt(payload, *pair)

    def __repr__(self) -> str:
        return f"NoticeKeys({', '.join(sorted(self._pairs))})"


class NoticeReader:
    """Read encrypted frames into notices of one account.

    The registration is for an HTS id: notices of every account under it arrive, and the others are
    counted and dropped. foreign: how many.
    """

    __slots__ = ("_account", "_parser", "foreign", "keys")

    def __init__(self, account: str) -> None:
        self.keys = NoticeKeys()
        self.foreign = 0
        self._account = account
        self._parser = FrameParser()

    def read(self, tr_id: str, count: int, payload: bytes, recv_ns: int = 0) -> list[Notice]:
        """Return the notices of the account in one frame. Raises ProtocolError, FrameError.

        A FrameError carries the plain text in `raw`: never log that part of it.
        """
        plain = self.keys.decrypt(tr_id, payload)
        records = self._parser.parse(b"0|%s|%03d|%s" % (tr_id.encode(), count, plain), recv_ns)
        own: list[Notice] = []
        for record in records:
            if not isinstance(record, Notice):
                raise ProtocolError("an encrypted frame holds no notice", field=tr_id)
            if record.account == self._account:
                own.append(record)
            else:
                self.foreign += 1
        return own


def _cipher(key: bytes, iv: bytes) -> Cipher[modes.CBC]:
    _check_pair(key, iv)
    return Cipher(algorithms.AES(key), modes.CBC(iv))


def _check_pair(key: bytes, iv: bytes) -> None:
    if len(key) != _KEY_BYTES or len(iv) != _BLOCK_BYTES:
        raise ProtocolError(
            "key or iv of a registration has the wrong length",
            field="output.key/iv",
            expected=f"{_KEY_BYTES} and {_BLOCK_BYTES} characters",
        )


def _nonsense(why: str) -> ProtocolError:
    return ProtocolError(f"notice cannot be decrypted: {why}", field="notice")
