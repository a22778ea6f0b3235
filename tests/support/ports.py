"""Ports that a test's programs may listen on."""

import os
import socket
from contextlib import ExitStack


def free_ports(count: int) -> int:
    """The first of ``count`` free ports in a row, below the range from which the system gives clients theirs.

    A port of that range, free now, may be a client's by the time the part starts that was to listen on it.
    """
    for first in range(19000 + os.getpid() % 1000 * 10, 32000, count):
        with ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise AssertionError(f"no {count} free ports in a row")
