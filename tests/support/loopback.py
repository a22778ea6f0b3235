"""Receivers on loopback that answer as they are told, and remember what they were sent."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

Behaviour = Callable[[socket.socket, threading.Event], None]
"""Given a connection whose request was read, and an event that is set at the end."""


@dataclass(frozen=True, slots=True)
class Request:
    """One that came: its path, headers by lower-case names, and body."""

    path: str
    headers: dict[str, str]
    body: bytes


class Loopback:
    """A server of raw answers: a script, an answer a request, of which the last one stays."""

    def __init__(self, *behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._behaviours, self._tls = list(behaviours), tls
        self._ended = threading.Event()
        self._came = threading.Condition()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def wait(self, count: int, seconds: float = 30) -> list[Request]:
        """The requests, once there are so many."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.requests) >= count, seconds), self.requests
            return list(self.requests)

    def stop(self) -> None:
        self._ended.set()
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes what waits for a connection
        self._thread.join()
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with self._tls.wrap_socket(connection, server_side=True) if self._tls else connection as wrapped:
                request = _read(wrapped)
                with self._came:
                    self.requests.append(request)
                    behave = self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]
                    self._came.notify_all()
                behave(wrapped, self._ended)
        except OSError:
            return  # the client went away, which is what some tests want


@contextmanager
def serving(*behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Loopback]:
    server = Loopback(*behaviours, tls=tls)
    try:
        yield server
    finally:
        server.stop()


def answer(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    """An ordinary answer; underscores in names of headers are dashes."""

    def behave(connection: socket.socket, _ended: threading.Event) -> None:
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
        head = f"HTTP/1.1 {status} Said\r\ncontent-length: {len(body)}\r\n{''.join(lines)}\r\n"
        connection.sendall(head.encode() + body)

    return behave


def hang(_connection: socket.socket, ended: threading.Event) -> None:
    """No answer at all."""
    ended.wait()


def close(_connection: socket.socket, _ended: threading.Event) -> None:
    """The connection ends without an answer."""


def drip(connection: socket.socket, ended: threading.Event) -> None:
    """A header that comes a byte at a time, and never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
    while not ended.wait(0.02):
        connection.sendall(b"x")


def endless(status: int, size: int) -> Behaviour:
    """A status, and a body of so many bytes."""

    def behave(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(f"HTTP/1.1 {status} Said\r\ncontent-length: {size}\r\n\r\n".encode())
        block = b"x" * 65_536
        sent = 0
        while sent < size and not ended.is_set():
            connection.sendall(block)
            sent += len(block)

    return behave


def _read(connection: socket.socket) -> Request:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            raise OSError("the client went away")
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65_536)
    return Request(first.split(" ")[1], headers, body)
