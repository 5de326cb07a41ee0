"""Certificates in DER, made in the test: for directories, which look at their bytes, issuer and serial."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.tools.x509 import issued, named

ISSUER = named("Person CA")


def certificate(serial: int) -> bytes:
    """One with this serial number; another call gives a twin, with other bytes."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = issued(named("Pia Falk"), key.public_key(), (ISSUER, key), since=0, until=30, serial=serial)
    return made.public_bytes(Encoding.DER)
