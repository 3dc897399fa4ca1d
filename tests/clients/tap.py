"""Hear what a client hears: a second customer of the same simulator keeps the frames themselves."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from websockets.sync.client import ClientConnection, connect

from aegis_fast.kis.profile import SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from aegis_fast.sim.desk.account import AccountSpec
from tests.clients.simulator import Simulator

__all__ = ["TAP", "TWO_CUSTOMERS", "Tap", "records", "tap", "wait_for_registrations"]

# The client's own customer, and one who only listens. Both have the HTS id, so both get notices.
TAP = AccountSpec("5000000002", SIM_APPKEY[:-1] + "2", SIM_APPSECRET, SIM_HTS_ID)
TWO_CUSTOMERS = (AccountSpec(SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID), TAP)
_PATIENCE_S = 5.0


def wait_for_registrations(sim: Simulator, count: int) -> None:
    """Wait until all sockets of a simulator together hold so many registrations."""
    until = time.monotonic() + 40
    while True:
        sockets = sim.control("GET", "state")["connections"]
        if sum(len(socket["registrations"]) for socket in sockets) == count:
            return
        assert time.monotonic() < until, sockets
        time.sleep(0.02)


def records(frame: str) -> list[list[str]]:
    """Split a frame into its records, by the width that the frame itself tells."""
    _, _, count, payload = frame.split("|", 3)
    values = payload.split("^")
    width, rest = divmod(len(values), int(count))
    assert not rest, frame
    return [values[start : start + width] for start in range(0, len(values), width)]


class Tap:
    """An open socket. frames: every data frame heard, oldest first, notices decrypted."""

    def __init__(self, socket: ClientConnection, approval_key: str) -> None:
        self.frames: list[str] = []
        self._socket = socket
        self._approval_key = approval_key
        self._keys: dict[str, tuple[str, str]] = {}

    def register(self, tr_id: str, tr_key: str) -> dict[str, Any]:
        """Register, and return the body of the ack."""
        header = {"approval_key": self._approval_key, "custtype": "P", "tr_type": "1"}
        body = {"input": {"tr_id": tr_id, "tr_key": tr_key}}
        self._socket.send(json.dumps({"header": header, "body": body}))
        while True:
            text = self._read(_PATIENCE_S)
            if text.startswith("{") and "PINGPONG" not in text:
                ack: dict[str, Any] = json.loads(text)["body"]
                if ack["rt_cd"] == "0":
                    self._keys[tr_id] = (ack["output"]["key"], ack["output"]["iv"])
                return ack

    def hear(self, tr_id: str, *, records: int = 1) -> str:
        """Return the first frame of a TR, heard or still to come, with that many records."""
        until = time.monotonic() + _PATIENCE_S
        wanted = f"|{tr_id}|{records:03d}|"
        while not (found := [frame for frame in self.frames if frame[1:].startswith(wanted)]):
            self._read(until - time.monotonic())
        return found[0]

    def _read(self, patience_s: float) -> str:
        text = str(self._socket.recv(timeout=max(patience_s, 0.01)))
        if text[:1] == "0":
            self.frames.append(text)
        elif text[:1] == "1":
            _, tr_id, count, payload = text.split("|", 3)
            self.frames.append(f"1|{tr_id}|{count}|{_decrypted(payload, *self._keys[tr_id])}")
        return text


def _decrypted(payload: str, key: str, iv: str) -> str:
    decryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(iv.encode())).decryptor()
    plain = decryptor.update(b64decode(payload)) + decryptor.finalize()
    return plain[: -plain[-1]].decode()


@contextlib.contextmanager
def tap(sim: Simulator) -> Iterator[Tap]:
    """Listen to a simulator that was opened for TWO_CUSTOMERS."""
    keys = {
        "grant_type": "client_credentials",
        "appkey": TAP.appkey,
        "secretkey": TAP.appsecret,
    }
    request = urllib.request.Request(
        f"{sim.rest_url}/oauth2/Approval", data=json.dumps(keys).encode(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        approval_key = json.load(answer)["approval_key"]
    with connect(f"{sim.ws_url}/tryitout", ping_interval=None, proxy=None) as socket:
        yield Tap(socket, approval_key)
    socket.socket.close()  # Left open when the simulator cut the line.
