"""The key derivation of PKCS#12 (RFC 7292 appendix B), for MACs and for the old PBE algorithms."""

import hashlib
from dataclasses import dataclass

KEY, IV, MAC = 1, 2, 3  # the identifiers of B.3
_LONG_BLOCK = frozenset({"sha384", "sha512"})


@dataclass(frozen=True, slots=True)
class Derivation:
    """Parameters of a derivation: digest (name in hashlib), salt, iterations."""

    digest: str
    salt: bytes
    iterations: int

    @property
    def block(self) -> int:
        """v of B.2 in octets: the block of the digest's compression function."""
        return 128 if self.digest in _LONG_BLOCK else 64


def derive(
    passphrase: str, derivation: Derivation, *, purpose: int, length: int, as_gpgsm: bool = False
) -> bytes:
    """Return length octets for a purpose. 5 ms for 10,000 iterations. as_gpgsm: see has_short_number."""
    stretched = _input(passphrase, derivation)
    output = b""
    while len(output) < length:
        block = _hashed(stretched, derivation, purpose)
        output += block
        _mix(stretched, block, derivation.block, as_gpgsm=as_gpgsm)
    return output[:length]


def has_short_number(passphrase: str, derivation: Derivation, *, purpose: int) -> bool:
    """Whether a number of B.2 step 6 C begins with a zero octet, where more than one digest is derived.

    gpgsm (seen with 2.4.7) writes such a number without that octet, derives another key, and says that the
    passphrase is bad.
    """
    stretched = _input(passphrase, derivation)
    _mix(stretched, _hashed(stretched, derivation, purpose), derivation.block)
    return any(stretched[start] == 0 for start in range(0, len(stretched), derivation.block))


def _input(passphrase: str, derivation: Derivation) -> bytearray:
    """I of B.2: salt and password, each repeated to whole blocks."""
    password = passphrase.encode("utf-16-be") + b"\0\0"
    return bytearray(_stretched(derivation.salt, derivation.block) + _stretched(password, derivation.block))


def _hashed(stretched: bytearray, derivation: Derivation, purpose: int) -> bytes:
    block = bytes([purpose]) * derivation.block + bytes(stretched)
    fresh = hashlib.new(derivation.digest)
    for _iteration in range(derivation.iterations):
        # Copied for each round: to look up a digest by name takes OpenSSL longer than to compute it.
        digest = fresh.copy()
        digest.update(block)
        block = digest.digest()
    return block


def _stretched(data: bytes, block: int) -> bytes:
    """Repeat data to whole blocks."""
    size = block * -(-len(data) // block)
    return (data * (size // len(data) + 1))[:size] if data else b""


def _mix(stretched: bytearray, digest: bytes, block: int, *, as_gpgsm: bool = False) -> None:
    """B.2 step 6 C: add B + 1 to each block of I. as_gpgsm: each sum begins with its first octet but zero."""
    addend = int.from_bytes((digest * block)[:block], "big") + 1
    for start in range(0, len(stretched), block):
        total = int.from_bytes(stretched[start : start + block], "big") + addend
        octets = (total % (1 << 8 * block)).to_bytes(block, "big")
        octets = octets.lstrip(b"\0") if as_gpgsm else octets
        stretched[start : start + len(octets)] = octets
