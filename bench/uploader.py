"""A program that uploads large files, one after the other, until its standard input ends."""

import os
import socket
import sys
import threading
from urllib.parse import urlsplit

from bench.operations import AUTHORIZATION

CHUNK = bytes(1_048_576)
RETRY_SECONDS = 1.0


def upload(url: str, path: str, megabytes: int, stop: threading.Event) -> None:
    """Upload until `stop`; after a refusal, wait for RETRY_SECONDS."""
    address = urlsplit(url)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: {AUTHORIZATION}\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {megabytes * len(CHUNK)}\r\n\r\n"
    )
    while not stop.is_set():
        with socket.create_connection((address.hostname or "", address.port or 80)) as connection:
            status = send(connection, head.encode(), megabytes)
        print(status, flush=True)
        if status != "201":
            stop.wait(RETRY_SECONDS)


def send(connection: socket.socket, head: bytes, megabytes: int) -> str:
    """Send an upload and return the status of the answer, or `---` if there is none."""
    try:
        connection.sendall(head)
        for _ in range(megabytes):
            connection.sendall(CHUNK)
    except OSError:
        # The server has refused it before all was sent; its answer may still be readable.
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
