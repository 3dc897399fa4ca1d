"""Point the clients at a simulator: their host constants are replaced, nothing else of them.

python-kis keeps its hosts in module constants. mojito2 writes them as string constants inside its
methods, so the constants of those methods' code are replaced, in place.
"""

from __future__ import annotations

import mojito.koreainvestment as mojito
import pykis.client.websocket
import pykis.kis
import pytest

__all__ = ["point_mojito", "point_python_kis"]


def point_python_kis(
    patch: pytest.MonkeyPatch,
    *,
    rest: str,
    websocket: str,
    paper_rest: str = "",
    paper_websocket: str = "",
) -> None:
    """Replace python-kis's four addresses."""
    patch.setattr(pykis.kis, "REAL_DOMAIN", rest)
    patch.setattr(pykis.kis, "VIRTUAL_DOMAIN", paper_rest)
    patch.setattr(pykis.client.websocket, "WEBSOCKET_REAL_DOMAIN", websocket)
    patch.setattr(pykis.client.websocket, "WEBSOCKET_VIRTUAL_DOMAIN", paper_websocket)


def point_mojito(patch: pytest.MonkeyPatch, *, rest: str, websocket: str) -> None:
    """Replace mojito2's addresses, real and paper, by one simulator's."""
    hosts = {
        "https://openapi.koreainvestment.com:9443": rest,
        "https://openapivts.koreainvestment.com:29443": rest,
        "ws://ops.koreainvestment.com:21000": websocket,
    }
    for method in (
        mojito.KoreaInvestment.set_base_url,
        mojito.KoreaInvestmentWS.__init__,
        mojito.KoreaInvestmentWS.ws_client,
    ):
        code = method.__code__
        constants = tuple(
            hosts.get(value, value) if isinstance(value, str) else value for value in code.co_consts
        )
        assert constants != code.co_consts, f"{method.__qualname__} names no host"
        patch.setattr(method, "__code__", code.replace(co_consts=constants))
