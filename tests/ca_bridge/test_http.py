"""What a sign-in is bound to: the server's certificate, as RFC 5929 hashes it."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ca_bridge import http

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
# The last two octets of sha256WithRSAEncryption and sha1WithRSAEncryption (RFC 8017, A.2.4) tell them apart.
SHA256, SHA1 = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")


def certificate(key, algorithm) -> bytes:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(NAME).issuer_name(NAME).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [(hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384"), (hashes.SHA512(), "sha512")],
)
def test_the_hash_is_that_of_the_signature(algorithm, expected):
    found = certificate(ec.generate_private_key(ec.SECP256R1()), algorithm)
    assert http.end_point(found) == b"tls-server-end-point:" + hashlib.new(expected, found).digest()


def test_sha_1_and_no_hash_at_all_give_way_to_sha_256():
    signed = certificate(rsa.generate_private_key(public_exponent=65537, key_size=2048), hashes.SHA256())
    old, pure = signed.replace(SHA256, SHA1), certificate(ed25519.Ed25519PrivateKey.generate(), None)
    assert signed.count(SHA256) == 2
    for found in (old, pure):
        assert http.end_point(found) == b"tls-server-end-point:" + hashlib.sha256(found).digest()
