"""The CA's directory: made once, whole or not at all; its keys opened with the passphrase of a file."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ca_bridge.connectors.embedded import wire
from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.connectors.embedded.wire import Period, Publication, Signer
from ca_bridge.errors import CaError

ROOT_YEARS, ISSUING_YEARS = 20, 10
ROOT_BITS, ISSUING_BITS = 4096, 3072  # RSA: every client that imports a token can verify it
MINIMUM_PASSPHRASE = 16
_BACKDATED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Authority:
    """The two signers of the CA."""

    root: Signer
    issuing: Signer


def load(options: EmbeddedOptions) -> Authority:
    """Open the CA. Raises CaError, a passing one: orders wait until an operator has put it right."""
    directory = Path(options.directory)
    if not (directory / "issuing.crt").exists():
        raise CaError(
            "The certificate authority has not been set up yet.",
            f"{directory} has no issuing.crt; run manage.py init_embedded_ca",
        )
    passphrase = _passphrase(options)
    return Authority(
        root=_signer(directory, "root", passphrase), issuing=_signer(directory, "issuing", passphrase)
    )


def initialise(options: EmbeddedOptions) -> bool:
    """Make root and issuing CA, once: True if they were made now. Raises CaError.

    The directory is filled beside its place and then renamed, so that two who start at once, or a crash,
    leave one whole CA.
    """
    directory = Path(options.directory)
    if (directory / "issuing.crt").exists():
        return False
    passphrase = _passphrase(options)
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        _fill(workshop, options, passphrase)
        return _move(workshop, directory)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _move(workshop: Path, directory: Path) -> bool:
    try:
        workshop.rename(directory)
    except OSError as error:
        if (directory / "issuing.crt").exists():  # somebody else was first
            return False
        raise CaError(f"The directory {directory} cannot hold a CA.", str(error), permanent=True) from error
    return True


def _fill(directory: Path, options: EmbeddedOptions, passphrase: bytes) -> None:
    start = datetime.now(UTC).replace(microsecond=0) - _BACKDATED
    root_key = rsa.generate_private_key(public_exponent=65537, key_size=ROOT_BITS)
    root_name = wire.ca_name(options.organisation, f"{options.name} root CA")
    root = wire.root(root_name, key=root_key, period=_years(start, ROOT_YEARS))
    issuing_key = rsa.generate_private_key(public_exponent=65537, key_size=ISSUING_BITS)
    issuing = wire.issuing(
        wire.ca_name(options.organisation, f"{options.name} issuing CA"),
        issuing_key.public_key(),
        signer=Signer(root, root_key),
        period=_years(start, ISSUING_YEARS),
        publication=root_publication(options),
    )
    for name, certificate, key in (("root", root, root_key), ("issuing", issuing, issuing_key)):
        _write(directory / f"{name}.key", _encrypted(key, passphrase))
        _write(directory / f"{name}.crt", certificate.public_bytes(serialization.Encoding.DER))


def root_publication(options: EmbeddedOptions) -> Publication:
    """Where the root's certificate and CRL are fetched."""
    return Publication(options.url(f"{options.name}-root.crt"), options.url(f"{options.name}-root.crl"))


def issuing_publication(options: EmbeddedOptions) -> Publication:
    """Where the issuing CA's certificate and CRL are fetched."""
    return Publication(options.url(f"{options.name}.crt"), options.url(f"{options.name}.crl"))


def _years(start: datetime, years: int) -> Period:
    return Period(start, start + timedelta(days=round(365.25 * years)))


def _passphrase(options: EmbeddedOptions) -> bytes:
    try:
        passphrase = Path(options.passphrase_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CaError(
            f"The passphrase of the CA {options.name} cannot be read.",
            f"passphrase_file {options.passphrase_file}: {type(error).__name__}",
        ) from None
    if len(passphrase) < MINIMUM_PASSPHRASE:
        raise CaError(
            f"The passphrase of the CA {options.name} is shorter than {MINIMUM_PASSPHRASE} characters."
        )
    return passphrase.encode()


def _signer(directory: Path, name: str, passphrase: bytes) -> Signer:
    try:
        certificate = x509.load_der_x509_certificate((directory / f"{name}.crt").read_bytes())
        key = serialization.load_pem_private_key((directory / f"{name}.key").read_bytes(), passphrase)
    except (OSError, ValueError, TypeError) as error:
        raise CaError(
            "The certificate authority cannot open its key.",
            f"{directory / name}.key: {type(error).__name__}",
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != certificate.public_key():
        raise CaError("The certificate authority's key and certificate do not match.", str(directory))
    return Signer(certificate, key)


def _encrypted(key: rsa.RSAPrivateKey, passphrase: bytes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
