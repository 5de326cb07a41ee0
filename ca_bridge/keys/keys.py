"""Private keys of persons: generated, serialised for the vault, identified by their public half."""

import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.errors import CaError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_RSA_BITS = {KeyAlgorithm.RSA_2048: 2048, KeyAlgorithm.RSA_3072: 3072, KeyAlgorithm.RSA_4096: 4096}
_CURVES: dict[KeyAlgorithm, ec.EllipticCurve] = {
    KeyAlgorithm.EC_P256: ec.SECP256R1(),
    KeyAlgorithm.EC_P384: ec.SECP384R1(),
}


def generate(algorithm: KeyAlgorithm) -> PrivateKey:
    """Return a new private key. RSA takes up to a second: call it outside any transaction."""
    if algorithm in _RSA_BITS:
        return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS[algorithm])
    return ec.generate_private_key(_CURVES[algorithm])


def algorithm_of(key: PrivateKey) -> KeyAlgorithm:
    """Return the algorithm of a key. Raises CaError, permanent, for one that is not in KeyAlgorithm."""
    sizes = _RSA_BITS if isinstance(key, rsa.RSAPrivateKey) else {a: c.key_size for a, c in _CURVES.items()}
    for algorithm, bits in sizes.items():
        if bits == key.key_size:
            return algorithm
    raise CaError("This key is of a kind that persons do not get.", permanent=True)


def to_pkcs8(key: PrivateKey) -> bytes:
    """Return the key as unencrypted PKCS#8 DER (RFC 5958), for the vault to wrap."""
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def from_pkcs8(der: bytes) -> PrivateKey:
    """Return the key of an unencrypted PKCS#8 DER. Raises CaError, which says nothing of its content.

    The RSA consistency check (87 ms) is skipped: the vault authenticates what it stores.
    """
    try:
        key = serialization.load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CaError("The stored key cannot be read.", permanent=True) from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise CaError("The stored key is of a kind that persons do not get.", permanent=True)
    return key


def public_key_sha256(key: PrivateKey) -> bytes:
    """Return the SHA-256 of the key's SubjectPublicKeyInfo (RFC 5280 4.1.2.7)."""
    return spki_sha256(key.public_key())


def spki_sha256(public_key: PublicKeyTypes) -> bytes:
    """Return the SHA-256 of the DER of a SubjectPublicKeyInfo."""
    spki = public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(spki).digest()
