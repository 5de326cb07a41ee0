"""The key derivation of PKCS#12 (RFC 7292 appendix B), for MACs and for the old PBE algorithms."""

import hashlib
from dataclasses import dataclass

KEY, IV, MAC = 1, 2, 3  # the identifiers of B.3
_BLOCK = 64  # v of B.2 in octets, for SHA-1 and SHA-256


@dataclass(frozen=True, slots=True)
class Derivation:
    """With which digest (sha1, sha256), salt and iterations."""

    digest: str
    salt: bytes
    iterations: int


def derive(passphrase: str, derivation: Derivation, *, purpose: int, length: int) -> bytes:
    """Return length octets for a purpose. 5 ms for 10,000 iterations."""
    password = passphrase.encode("utf-16-be") + b"\0\0"
    stretched = bytearray(_stretched(derivation.salt) + _stretched(password))
    diversifier = bytes([purpose]) * _BLOCK
    output = b""
    while len(output) < length:
        block = diversifier + bytes(stretched)
        for _iteration in range(derivation.iterations):
            block = hashlib.new(derivation.digest, block).digest()
        output += block
        _mix(stretched, block)
    return output[:length]


def _stretched(data: bytes) -> bytes:
    """Repeat data to whole blocks."""
    size = _BLOCK * -(-len(data) // _BLOCK)
    return (data * (size // len(data) + 1))[:size] if data else b""


def _mix(stretched: bytearray, block: bytes) -> None:
    """B.2 step 6 C: add B + 1 to each block of I."""
    addend = int.from_bytes((block * _BLOCK)[:_BLOCK], "big") + 1
    for start in range(0, len(stretched), _BLOCK):
        total = int.from_bytes(stretched[start : start + _BLOCK], "big") + addend
        stretched[start : start + _BLOCK] = (total % (1 << 8 * _BLOCK)).to_bytes(_BLOCK, "big")
