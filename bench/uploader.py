"""Uploads large files, again and again, until standard input ends: a process of its own."""

import os
import socket
import sys
import threading
from urllib.parse import urlsplit

from bench.operations import AUTHORIZATION

PIECE = bytes(1_048_576)
RETRY_SECONDS = 1.0


def upload(url: str, path: str, megabytes: int, stop: threading.Event) -> None:
    """Upload until `stop`; what is refused for now is sent again a second later."""
    address = urlsplit(url)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: {AUTHORIZATION}\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {megabytes * len(PIECE)}\r\n\r\n"
    )
    while not stop.is_set():
        with socket.create_connection((address.hostname or "", address.port or 80)) as connection:
            status = send(connection, head.encode(), megabytes)
        print(status, flush=True)
        if status != "201":
            stop.wait(RETRY_SECONDS)


def send(connection: socket.socket, head: bytes, megabytes: int) -> str:
    """The status of the answer."""
    try:
        connection.sendall(head)
        for _ in range(megabytes):
            connection.sendall(PIECE)
    except OSError:
        # It was refused before all was sent; the answer may be there all the same.
        pass
    try:
        return connection.recv(65_536).decode("latin-1").partition(" ")[2][:3]
    except OSError:
        return "---"


def main(url: str, path: str, megabytes: str, connections: str) -> None:
    stop = threading.Event()
    for _ in range(int(connections)):
        threading.Thread(target=upload, args=(url, path, int(megabytes), stop), daemon=True).start()
    while os.read(0, 1):
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
