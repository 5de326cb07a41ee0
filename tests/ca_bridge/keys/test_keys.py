"""Keys and passphrases."""

import collections

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.errors import CaError
from ca_bridge.keys import keys
from ca_bridge.pkcs12 import passphrase


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_generate_and_carry(algorithm):
    key = keys.generate(algorithm)
    assert keys.algorithm_of(key) is algorithm
    again = keys.from_pkcs8(keys.to_pkcs8(key))
    assert keys.to_pkcs8(again) == keys.to_pkcs8(key)
    assert keys.public_key_sha256(again) == keys.public_key_sha256(key)
    assert len(keys.public_key_sha256(key)) == 32


def test_no_two_keys_are_alike():
    hashes = {keys.public_key_sha256(keys.generate(KeyAlgorithm.EC_P256)) for _each in range(50)}
    assert len(hashes) == 50


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"0\x03\x02\x01\x05"])
def test_what_is_no_key(garbage):
    with pytest.raises(CaError) as caught:
        keys.from_pkcs8(garbage)
    assert caught.value.__cause__ is None


def test_keys_that_persons_do_not_get():
    for key in (ec.generate_private_key(ec.SECP521R1()), rsa.generate_private_key(65537, 2056)):
        with pytest.raises(CaError):
            keys.algorithm_of(key)


def test_passphrase_form():
    words = [passphrase.generate() for _each in range(500)]
    assert all(len(word) == 29 and [len(part) for part in word.split("-")] == [5] * 5 for word in words)
    assert len(set(words)) == 500
    counted = collections.Counter("".join(words).replace("-", ""))
    assert set(counted) == set(passphrase.ALPHABET)
    # 12,500 symbols over 32: 391 each; 7 standard deviations either way.
    assert all(250 < count < 530 for count in counted.values())


def test_passphrase_strength():
    assert passphrase.ENTROPY_BITS == 125
    assert len(set(passphrase.ALPHABET)) == 32
    assert passphrase.ALPHABET.isascii()
    assert not set("01OI") & set(passphrase.ALPHABET)
