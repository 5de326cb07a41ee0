"""Consistency check of an imported private key, before it is stored for years.

OpenSSL's own check of an RSA key (RSA_check_key) proves that its factors are prime, which takes 60 to 190 ms.
Here the key only has to work in any program: relations of its numbers are checked (RFC 8017 3.2), and a
signature proves that they decrypt.
"""

import math

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from ca_bridge.keys.keys import PrivateKey

CANARY = b"a key that is to be archived"


def is_sound(key: PrivateKey, pkcs8: bytes) -> bool:
    """Whether a key is consistent that was loaded, without a check, from `pkcs8` (DER). About 2 ms."""
    try:
        if not isinstance(key, rsa.RSAPrivateKey):
            load_der_private_key(pkcs8, None)
            return True
        return _belong_together(key.private_numbers()) and _signs(key)
    except (ValueError, TypeError, UnsupportedAlgorithm, ZeroDivisionError):
        return False


def _belong_together(numbers: rsa.RSAPrivateNumbers) -> bool:
    p, q, d, public = numbers.p, numbers.q, numbers.d, numbers.public_numbers
    return (
        p != q
        and p * q == public.n
        and d * public.e % math.lcm(p - 1, q - 1) == 1
        and (numbers.dmp1, numbers.dmq1) == (d % (p - 1), d % (q - 1))
        and numbers.iqmp * q % p == 1
    )


def _signs(key: rsa.RSAPrivateKey) -> bool:
    """Whether a signature verifies. It uses the CRT exponents, as decryption does."""
    signature = key.sign(CANARY, padding.PKCS1v15(), hashes.SHA256())
    try:
        key.public_key().verify(signature, CANARY, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True
