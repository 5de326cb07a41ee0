"""PKCS#12 files as other systems leave them, made by their programs, with keys and certificates."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from ca_bridge.keys.keys import PrivateKey
from ca_bridge.x509 import csr, subject_alt_names
from tests.tools.commands import run
from tests.tools.x509 import Extension, issued, key_pem

PASSWORD = "Töpfer & Söhne €7"
ISSUER = x509.Name.from_rfc4514_string("CN=Old Issuing CA,O=Example")
OF_THE_CA = 1  # the number of the key of the CA that the old system had
ENCRYPTS, SIGNS = ("keyEncipherment",), ("digitalSignature",)


@cache
def rsa_key(_number: int = 0) -> rsa.RSAPrivateKey:
    """The same key for the same number, in one run of the tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key(_number: int = 0) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate(
    key: PrivateKey,
    *,
    email: str = "",
    upn: str = "",
    sid: str = "",
    subject: str = "CN=Uma User",
    usage: tuple[str, ...] = ENCRYPTS,
    extended: tuple[str, ...] = (),
    ends: datetime | None = None,
    issuer: x509.Name = ISSUER,
) -> x509.Certificate:
    """A certificate of the old system, valid until `ends` (a year from now)."""
    now = datetime.now(tz=UTC).replace(microsecond=0)
    ends = ends or now + timedelta(days=365)
    extensions: list[Extension] = [(csr.key_usage(usage), True)]
    names: list[x509.GeneralName] = [x509.RFC822Name(email)] if email else []
    if upn:
        names.append(x509.OtherName(subject_alt_names.UPN_OID, core.UTF8String(upn).dump()))
    if names:
        extensions.append((x509.SubjectAlternativeName(names), False))
    if extended:
        extensions.append((x509.ExtendedKeyUsage([x509.ObjectIdentifier(each) for each in extended]), False))
    if sid:
        extensions.append((subject_alt_names.sid_extension(sid), False))
    return issued(
        x509.Name.from_rfc4514_string(subject),
        key.public_key(),
        (issuer, ec_key(OF_THE_CA)),
        since=min(now, ends) - timedelta(days=400),
        until=ends,
        extensions=extensions,
    )


def der(found: x509.Certificate) -> bytes:
    return found.public_bytes(Encoding.DER)


def pem(found: x509.Certificate) -> bytes:
    return found.public_bytes(Encoding.PEM)


def openssl(
    directory: Path,
    key: PrivateKey,
    *certificates: x509.Certificate,
    options: tuple[str, ...] = (),
    **more: Any,
) -> bytes:
    """What `openssl pkcs12 -export` writes; password: PASSWORD unless said otherwise."""
    password = directory / "password"
    password.write_bytes(more.get("password", PASSWORD).encode() + b"\n")
    source = directory / "source.pem"
    source.write_bytes(key_pem(key) + b"".join(map(pem, certificates)))
    command = ("openssl", "pkcs12", "-export", "-in", source, "-passout", f"file:{password}", *options)
    return run(*command)


def write(directory: Path, name: str, content: bytes) -> Path:
    path = directory / name
    path.write_bytes(content)
    return path
