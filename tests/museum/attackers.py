"""Peers that speak the upper layer protocol badly, each in one way, under a seed (PS3.8, 9.2 and 9.3)."""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final

from tests.dicom.raw_peer import CT, Peer, data, pdu, store_request
from tests.museum.visitors import Shipment, image

Attack = Callable[[Peer, Random], object]

LENGTHS: Final = (0, 1, 2, 5, 99, 1_200, 0x7FFFFFFF, 0xFFFFFFFF)

_ABORT: Final = pdu(7, bytes(4))
_RELEASE: Final = pdu(5, bytes(4))


def flipped_request(peer: Peer, chance: Random) -> None:
    """Ask for an association with some bits turned."""
    _say(peer, _flipped(peer.request(), chance))


def flipped_message(peer: Peer, chance: Random) -> None:
    """Send an instance with some bits turned."""
    peer.associated()
    _say(peer, _flipped(_message(chance), chance))


def lying_length(peer: Peer, chance: Random) -> None:
    """Announce more or less than comes, in a PDU or in the value inside it."""
    peer.associated()
    message = bytearray(_message(chance))
    at = chance.choice((2, 6))
    message[at : at + 4] = struct.pack(">L", chance.choice(LENGTHS))
    _say(peer, bytes(message))


def any_order(peer: Peer, chance: Random) -> None:
    """Send good PDUs in an order that no state allows."""
    request, message = peer.request(), _message(chance)
    accepted, rejected, released = pdu(2, request[6:]), pdu(3, b"\0\1\1\1"), pdu(6, bytes(4))
    words = [request, message, accepted, rejected, released, _RELEASE, _ABORT, request, message]
    if chance.random() < 0.5:
        peer.associated()
    _say(peer, b"".join(chance.sample(words, chance.randrange(1, len(words)))))


def interleaved(peer: Peer, chance: Random) -> None:
    """Mix the fragments of two messages, of commands and data, of contexts."""
    peer.associated()
    parts = []
    for _ in range(2):
        shipment = image(10_000_000 + chance.randrange(1_000_000))
        parts.append(data(1, 1, store_request(CT, shipment.sop_instance_uid), chunk=40))
        parts.append(data(chance.choice((1, 3)), 2, shipment.data_set, chunk=200))
    pieces = [piece for part in parts for piece in _pdus(part)]
    chance.shuffle(pieces)
    _say(peer, b"".join(pieces))


def aborted_inside(peer: Peer, chance: Random) -> None:
    """Break off in the middle of an instance: by an abort, a reset, half a goodbye, or no word at all."""
    peer.associated()
    message = _message(chance)
    _say(peer, message[: chance.randrange(1, len(message))])
    match chance.randrange(4):
        case 0:
            _say(peer, _ABORT)
        case 1:
            peer.reset()
        case 2:
            with suppress(OSError):
                peer.socket.shutdown(socket.SHUT_WR)
        case _:
            peer.socket.close()


def noise(peer: Peer, chance: Random) -> None:
    """Speak something else."""
    words = (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", chance.randbytes(300), b"\0" * 50)
    _say(peer, chance.choice(words))


def crumbs(peer: Peer, chance: Random) -> None:
    """Send a good message byte by byte, and leave before its end."""
    peer.associated()
    peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in _message(chance)[: chance.randrange(20, 200)]:
        _say(peer, bytes((byte,)))


def endless_command(peer: Peer, chance: Random) -> None:
    """Send a command set that does not end."""
    peer.associated()
    for _ in range(chance.randrange(1, 40)):
        _say(peer, data(1, 1, bytes(5_000))[:-1] + b"\0")


ATTACKS: Final[tuple[Attack, ...]] = (
    *(flipped_request, flipped_message, lying_length, any_order, interleaved),
    *(aborted_inside, noise, crumbs, endless_command),
)


def attack(port: int, chance: Random) -> str:
    """Attack once, in a way that ``chance`` chooses, and leave; return which."""
    how = chance.choice(ATTACKS)
    try:
        with Peer(port, calling="ATTACKER") as peer:
            peer.socket.settimeout(5)
            how(peer, chance)
            if chance.random() < 0.3:
                _hear_out(peer)
    except (OSError, AssertionError):
        pass  # they hung up, or let nobody in: their right
    return str(how.__name__)


def _hear_out(peer: Peer) -> None:
    with suppress(OSError):
        while peer.socket.recv(10_000):
            pass


def _say(peer: Peer, words: bytes) -> None:
    with suppress(OSError):  # they may have hung up
        peer.socket.sendall(words)


def _message(chance: Random) -> bytes:
    shipment: Shipment = image(10_000_000 + chance.randrange(1_000_000))
    command = data(1, 3, store_request(CT, shipment.sop_instance_uid))
    return command + data(1, 2, shipment.data_set, chunk=chance.choice((300, 1_000, 100_000)))


def _flipped(words: bytes, chance: Random) -> bytes:
    out = bytearray(words)
    for _ in range(chance.choice((1, 1, 3, 10))):
        at = chance.randrange(min(len(out), 500) if chance.random() < 0.8 else len(out))
        out[at] ^= 1 << chance.randrange(8)
    return bytes(out)


def _pdus(stream: bytes) -> list[bytes]:
    """Return the PDUs of a good stream."""
    out, at = [], 0
    while at < len(stream):
        size = 6 + int.from_bytes(stream[at + 2 : at + 6], "big")
        out.append(stream[at : at + size])
        at += size
    return out
