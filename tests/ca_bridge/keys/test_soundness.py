"""Keys of other systems whose numbers do not belong together."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from ca_bridge.keys import soundness
from ca_bridge.keys.keys import PrivateKey
from tests.tools.foreign_files import rsa_key

NUMBERS = rsa_key().private_numbers()


def loaded(content: bytes) -> bool:
    """As a file of another system is: without a check."""
    key = load_der_private_key(content, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return soundness.is_sound(key, content)


def of(**changed: int) -> rsa.RSAPrivateKey:
    values = {name: getattr(NUMBERS, name) for name in ("p", "q", "d", "dmp1", "dmq1", "iqmp")} | changed
    numbers = rsa.RSAPrivateNumbers(**values, public_numbers=NUMBERS.public_numbers)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


@pytest.mark.parametrize("name", ["d", "dmp1", "dmq1", "iqmp"])
def test_a_number_of_another_key(name: str) -> None:
    assert not soundness.is_sound(of(**{name: getattr(rsa_key(1).private_numbers(), name)}), b"")


def test_numbers_that_belong_together_and_decrypt_nothing() -> None:
    """Factors that are no primes, with exponents that fit them."""
    p, q, e = 3 * 2**1021 + 15, 3 * 2**1021 + 33, 65537
    while True:
        try:
            d = pow(e, -1, soundness.math.lcm(p - 1, q - 1))
            iqmp = pow(q, -1, p)
            break
        except ValueError:
            q += 2
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), iqmp, rsa.RSAPublicNumbers(e, p * q))
    assert soundness._belong_together(numbers)
    assert not soundness.is_sound(numbers.private_key(unsafe_skip_rsa_key_validation=True), b"")


@pytest.mark.parametrize("key", [rsa_key(), ec.generate_private_key(ec.SECP256R1())])
def test_a_key_that_works(key: PrivateKey) -> None:
    assert loaded(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
