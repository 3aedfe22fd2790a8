"""Tells the first bytes of a TLS connection from garbage, without speaking TLS.

A connection begins with a record of type handshake that holds a ClientHello (RFC 8446, sections 4.1.2 and 5.1). Here it must
fit one record, as that of every link's end does.
"""

from __future__ import annotations

RECORD_HEADER = 5
"""Bytes of a record's header."""

MOST_RECORD = 1 << 14
"""Largest record [bytes]."""

_HANDSHAKE, _CLIENT_HELLO = 22, 1
_FIXED = 4 + 2 + 32  # header of the message, version, random


def begins_with_client_hello(received: bytes) -> bool | None:
    """Whether what was received begins with a record that is a ClientHello; None: that needs more bytes to tell."""
    header, length = received[:RECORD_HEADER], int.from_bytes(received[3:RECORD_HEADER], "big")
    if header[:2] != bytes((_HANDSHAKE, 3))[: len(header)]:
        return False
    if len(header) < RECORD_HEADER:
        return None
    if not _FIXED < length <= MOST_RECORD:
        return False
    if len(received) < RECORD_HEADER + length:
        return None if received[RECORD_HEADER : RECORD_HEADER + 1] in (b"", bytes((_CLIENT_HELLO,))) else False
    return is_client_hello(received[RECORD_HEADER : RECORD_HEADER + length])


def is_client_hello(content: bytes) -> bool:
    """Whether the content of a record is one whole ClientHello whose parts fit together."""
    if len(content) <= _FIXED or content[0] != _CLIENT_HELLO or int.from_bytes(content[1:4], "big") != len(content) - 4:
        return False
    at = _FIXED
    for width, least in ((1, 0), (2, 2), (1, 1)):  # session id, cipher suites, compression methods
        size = int.from_bytes(content[at : at + width], "big")
        at += width + size
        if size < least or at > len(content):
            return False
    if at + 2 > len(content) or int.from_bytes(content[at : at + 2], "big") != len(content) - at - 2:
        return False
    at += 2
    while at + 4 <= len(content):  # extensions
        at += 4 + int.from_bytes(content[at + 2 : at + 4], "big")
    return at == len(content)
