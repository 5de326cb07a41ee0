"""The embedded CA's directory: the root and the issuing CAs, created once and atomically."""

import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ca_bridge.connectors.embedded import key_store, paths, wire
from ca_bridge.connectors.embedded.key_store import KeyStore
from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.connectors.embedded.paths import ISSUING, ROOT, Certificates
from ca_bridge.connectors.embedded.wire import Publication, Signer, ValidityPeriod
from ca_bridge.errors import CaError

ROOT_YEARS, ISSUING_YEARS = 20, 10
ROOT_BITS, ISSUING_BITS = 4096, 3072  # RSA: every client that imports a token can verify it
_BACKDATED = timedelta(days=1)

_LOOK_SECONDS = 5  # seconds after which a process that reads the database looks for a new issuing CA


class Authority:
    """The CA's certificates, and its keys, each opened when it first signs. Thread-safe.

    Raises a transient CaError: orders wait until an operator has repaired the CA.
    """

    def __init__(self, options: EmbeddedOptions) -> None:
        self.options = options
        self.keys = KeyStore(options)
        self._directory = Path(options.directory)
        self._changed = self._mark()
        self._looked = time.monotonic()
        self._paths = paths.of_directory(self._directory) if options.signs else paths.parsed(self._changed)
        # The newest first: it issues; the others sign CRLs and OCSP signers for what they issued.
        self.issuing_cas = tuple(sorted(filter(paths.generation, self._paths), key=paths.generation)[::-1])
        if not self.issuing_cas or ROOT not in self._paths:
            raise _not_made(options)
        self.newest = self.issuing_cas[0]
        self.generation = paths.generation(self.newest)
        self._signers: dict[str, Signer] = {}

    def is_stale(self) -> bool:
        """Whether the directory has changed since: an issuing CA was added, or a key was removed."""
        if not self.options.signs and time.monotonic() - self._looked < _LOOK_SECONDS:
            return False
        self._looked = time.monotonic()
        return bool(self._changed != self._mark())

    def _mark(self) -> Any:
        """The value that is_stale compares: the mtime of the directory, or what the database has."""
        return _changed(self._directory) if self.options.signs else paths.in_database(self.options.name)

    def publish(self) -> None:
        """Copy the certificates to the database, where processes that do not sign read them."""
        paths.publish(self.options.name, self._paths)

    def path(self, issuer: str) -> Certificates:
        """The certificate of an issuer and those above it, the root last."""
        return self._paths[issuer]

    def certificate(self, issuer: str) -> x509.Certificate:
        """The certificate of an issuer; no key is opened."""
        return self._paths[issuer][0]

    def issuers(self) -> tuple[str, ...]:
        """The issuers whose certificates have not expired, each with its own CRL. The root comes last."""
        now = datetime.now(UTC)
        names = (*self.issuing_cas, ROOT)
        return tuple(each for each in names if self.certificate(each).not_valid_after_utc > now)

    def signer(self, issuer: str) -> Signer:
        """The signer for an issuer."""
        signer = self._signers.get(issuer)
        if signer is None:
            key = self.keys.open(issuer)
            signer = self._signers[issuer] = signer_with(self.certificate(issuer), key, issuer)
        return signer

    @property
    def issuing(self) -> Signer:
        """The signer for certificates of persons."""
        return self.signer(self.newest)


def signer_with(certificate: x509.Certificate, key: rsa.RSAPrivateKey, issuer: str) -> Signer:
    """The signer with this key for an issuer. Raises CaError where the key is not the issuer's."""
    if key.public_key() != certificate.public_key():
        raise CaError("The certificate authority's key and certificate do not match.", issuer)
    return Signer(certificate, key, issuer)


def _changed(directory: Path) -> int:
    try:
        return directory.stat().st_mtime_ns
    except OSError:
        return 0


def _not_made(options: EmbeddedOptions) -> CaError:
    message = "The certificate authority has not been set up yet."
    if options.signs:
        return CaError(message, f"{options.directory} has no issuing.crt; run manage.py init_embedded_ca")
    return CaError(message, "no process that signs has put its certificates into the database")


# --- making it


def is_made(options: EmbeddedOptions) -> bool:
    """Whether the CA exists in its directory."""
    return _is_made_in(Path(options.directory))


def _is_made_in(directory: Path) -> bool:
    return (directory / f"{ISSUING}.crt").exists()


def initialise(
    options: EmbeddedOptions, turn: Callable[[], AbstractContextManager[None]] = nullcontext
) -> bool:
    """Create root and issuing CA, once: True if they were created now. Raises CaError.

    The directory is filled beside its place and then renamed, so that of two processes that start at once, or
    after a crash, one whole CA remains. turn: a lock held for the rename alone, as key generation takes its
    time; entering it raises CaError where the CA was created on another host.
    """
    directory = Path(options.directory)
    if is_made(options):
        return False
    KeyStore(options).passphrase()  # an error in it is raised before anything is created
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        _fill(workshop, options)
        with turn():
            return _move(workshop, directory)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _move(workshop: Path, directory: Path) -> bool:
    try:
        workshop.rename(directory)
    except OSError as error:
        if _is_made_in(directory):  # another process was first
            return False
        raise CaError(f"The directory {directory} cannot hold a CA.", str(error), permanent=True) from error
    return True


def _fill(directory: Path, options: EmbeddedOptions) -> None:
    keys = KeyStore(options, directory)
    root_key = keys.make(ROOT, ROOT_BITS)
    root_name = wire.ca_name(options.organisation, f"{options.name} root CA")
    root = wire.root(root_name, key=root_key, period=years(ROOT_YEARS))
    issuing = sign_issuing(
        options,
        issuing_name(options, 1),
        keys.make(ISSUING, ISSUING_BITS).public_key(),
        root=Signer(root, root_key, ROOT),
    )
    for name, certificate in ((ROOT, root), (ISSUING, issuing)):
        key_store.write(directory / f"{name}.crt", certificate.public_bytes(serialization.Encoding.DER))


def sign_issuing(
    options: EmbeddedOptions, name: x509.Name, public_key: rsa.RSAPublicKey, *, root: Signer
) -> x509.Certificate:
    """Return the certificate of an issuing CA, signed by the installation's own root."""
    return wire.issuing(
        name, public_key, signer=root, period=years(ISSUING_YEARS), publication=publication(options, ROOT)
    )


def issuing_name(options: EmbeddedOptions, number: int) -> x509.Name:
    """The subject of an issuing CA: each has its own, because a CRL is matched by the name of its issuer."""
    which = f" G{number}" if number > 1 else ""
    return wire.ca_name(options.organisation, f"{options.name} issuing CA{which}")


def published_stem(options: EmbeddedOptions, issuer: str) -> str:
    """The file name of an issuer's published files, without .crl or .crt."""
    if issuer == ROOT:
        return f"{options.name}-root"
    _issuing, _hyphen, number = issuer.partition("-")
    return f"{options.name}-g{number}" if number else options.name


def publication(options: EmbeddedOptions, issuer: str) -> Publication:
    """The URLs of the certificate, CRL and OCSP responder of an issuer; the root has no OCSP."""
    stem = published_stem(options, issuer)
    return Publication(
        certificate_url=options.url(f"{stem}.crt"),
        crl_url=options.url(f"{stem}.crl"),
        ocsp_url=options.url("ocsp") if options.ocsp and issuer != ROOT else "",
    )


def years(number: int) -> ValidityPeriod:
    """A validity period that begins a little earlier, for clients whose clocks are slow."""
    start = datetime.now(UTC).replace(microsecond=0) - _BACKDATED
    return ValidityPeriod(start, start + timedelta(days=round(365.25 * number)))
