"""Opens connections that come to nothing: python strangers.py PORT NUMBER, with the first record of a real client on stdin.

Half of them send garbage, a quarter nothing, and a quarter that first record with garbage behind it. 200 stay open at a time.
"""

import contextlib
import os
import socket
import sys

HELD = 200


def attack(port: int, number: int, hello: bytes) -> None:
    """Open one connection after the other, from three addresses of the loopback network in turn."""
    held: list[socket.socket] = []
    for i in range(number):
        with contextlib.suppress(OSError):  # it was hung up on
            stranger = socket.create_connection(("127.0.0.1", port), 1.0, source_address=(f"127.0.0.{2 + i % 3}", 0))
            held.append(stranger)
            if i % 4:
                stranger.sendall(os.urandom(200) if i % 4 < 3 else hello + os.urandom(100))
        while len(held) > HELD:
            held.pop(0).close()


if __name__ == "__main__":
    attack(int(sys.argv[1]), int(sys.argv[2]), sys.stdin.buffer.read())
