"""TCP ports: a balance with a network interface, or behind a serial server.

Lines come split and joined at any byte, and the far end may close when it is idle; whoever reads cuts lines itself.
Source: balance-protocols 1.1, 2.1 and 7.
"""

from __future__ import annotations

import re
import socket
from typing import Final

from rig.transport.links import LinkIdentity

SCHEME: Final = "tcp://"
CONNECT_S: Final = 3.0
RECONNECT_S: Final = 0.2  # every other link waits meanwhile
KEEP_ALIVE_S: Final = 10  # after so long without a byte the far end is asked whether it is there, three times
_PORT: Final = re.compile(r"tcp://(\[[0-9A-Fa-f:]+\]|[^:/\[\]]+):([0-9]{1,5})/?")


def is_tcp(port: str) -> bool:
    """Say whether a port of a bench file is a TCP one."""
    return port.startswith(SCHEME)


def identify_tcp(port: str) -> LinkIdentity:
    """Return the identity of a TCP port: never hardware evidence, because anybody may answer there (design 4.1)."""
    return LinkIdentity("tcp", port)


def open_tcp(port: str, timeout_s: float = CONNECT_S) -> socket.socket:
    """Connect to ``tcp://host:port``; raises `ValueError` for another form and `OSError` when nobody answers."""
    match = _PORT.fullmatch(port)
    if match is None or not 0 < int(match[2]) < 65_536:
        raise ValueError("expected tcp://host:port, such as tcp://192.168.1.20:4001")
    opened = socket.create_connection((match[1].strip("[]"), int(match[2])), timeout_s)
    opened.setblocking(False)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", KEEP_ALIVE_S), ("TCP_KEEPINTVL", KEEP_ALIVE_S // 2), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return opened
