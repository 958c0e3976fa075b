"""Bech32 (BIP 173), in which age writes its keys: a text whose checksum finds every slip of up to four signs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

_SIGNS: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def encode(prefix: str, data: bytes) -> str:
    """The text, in small letters, of bytes under a prefix."""
    values = list(_fives(data))
    check = _polymod([*_expanded(prefix), *values, 0, 0, 0, 0, 0, 0]) ^ 1
    return prefix + "1" + "".join(_SIGNS[value] for value in [*values, *(check >> 5 * (5 - i) & 31 for i in range(6))])


def is_whole(text: str) -> bool:
    """Whether a text in small letters is as somebody encoded it."""
    prefix, one, rest = text.rpartition("1")
    values = [_SIGNS.find(sign) for sign in rest]
    return bool(prefix and one and len(rest) > 6 and min(values) >= 0) and _polymod([*_expanded(prefix), *values]) == 1


def _expanded(prefix: str) -> list[int]:
    return [ord(sign) >> 5 for sign in prefix] + [0] + [ord(sign) & 31 for sign in prefix]


def _fives(data: bytes) -> Iterator[int]:
    """The bits of the data, five at a time; the last ones filled up with noughts."""
    bits = "".join(f"{byte:08b}" for byte in data)
    for at in range(0, len(bits), 5):
        yield int(bits[at : at + 5].ljust(5, "0"), 2)


def _polymod(values: Iterable[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum
