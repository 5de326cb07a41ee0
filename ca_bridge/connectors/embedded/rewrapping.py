"""Another passphrase for the keys of the CA: first they lie under both, then under the new one alone.

The passphrase lies where the command cannot write: in a secret store, or on each host. So each key file holds
the key twice in between, under the former passphrase and then under the new one, and opens with either. It is
replaced whole (rename(2)), so a kill at any moment leaves files that open.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ca_bridge.connectors.embedded import key_store
from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.errors import CaError

DER, SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo


def add(options: EmbeddedOptions, passphrase_file: Path, root_key: Path | None = None) -> int:
    """Have each key open with the passphrase in this file, too; return how many do. Raises CaError.

    root_key: the file with the root's key, where it is kept elsewhere. What a try that broke off left is
    taken up; another passphrase that was added before is dropped.
    """
    with _alone(options):
        now, new = key_store.passphrase(options), key_store.passphrase(options, passphrase_file)
        if now == new:
            raise CaError(
                "This is the passphrase that the keys are under.", str(passphrase_file), permanent=True
            )
        # All are opened before any is changed.
        found = [(path, *_opened(path, now)) for path in _files(options, root_key)]
        for path, pem, key in found:
            _put(path, pem + key_store.encrypt(key, new), key, (now, new))
        return len(found)


def finish(options: EmbeddedOptions, root_key: Path | None = None) -> int:
    """Drop the former passphrase, where all keys open with the one that is in use; return of how many keys.

    Raises CaError where one does not, or where the one in use is the former one still.
    """
    with _alone(options):
        now = key_store.passphrase(options)
        found = [(path, *_opened(path, now)) for path in _files(options, root_key)]
        both = [(path, pem, key) for path, pem, key in found if path.read_bytes() != pem]
        for path, pem, _key in both:
            if path.read_bytes().startswith(pem):
                raise CaError(
                    "The former passphrase is still in use.",
                    f"{options.passphrase_file} has to hold the new one, on every host",
                    permanent=True,
                )
        for path, pem, key in both:
            _put(path, pem, key, (now,))
        return len(both)


def _files(options: EmbeddedOptions, root_key: Path | None) -> list[Path]:
    """Also of an issuing CA that waits for its certificate. Keys in an HSM are under its PIN."""
    found = sorted(Path(options.directory).glob("*.key")) + ([root_key] if root_key else [])
    if not found:
        raise CaError("There are no key files.", options.directory, permanent=True)
    return found


def _opened(path: Path, passphrase: bytes) -> tuple[bytes, rsa.RSAPrivateKey]:
    """What of the file opens with it."""
    try:
        for pem in key_store.parts(path.read_bytes()):
            with suppress(ValueError, TypeError):
                return pem, key_store.decrypt(pem, passphrase)
    except OSError as error:
        raise CaError(f"{path} cannot be read.", error.strerror or "", permanent=True) from error
    raise CaError(
        "A key does not open with the passphrase that is in use.",
        f"{path}; put the former passphrase back, and begin again with --to",
        permanent=True,
    )


def _put(path: Path, content: bytes, key: rsa.RSAPrivateKey, passphrases: tuple[bytes, ...]) -> None:
    """In the place of the file, once it is sure that it opens with each, and that the disk has it."""
    for each in passphrases:
        if _public(key_store.decrypt(content, each)) != _public(key):
            raise CaError("What was written is not the key.", str(path), permanent=True)
    try:
        for left in path.parent.glob(f".{path.name}.*"):  # of a try that broke off
            left.unlink()
        workshop = path.with_name(f".{path.name}.{os.getpid()}")
        key_store.write(workshop, content)
        workshop.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise CaError(f"{path} cannot be written.", error.strerror or "", permanent=True) from error


def _public(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(DER, SPKI)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _alone(options: EmbeddedOptions) -> Iterator[None]:
    """Two at once would leave files under different passphrases."""
    try:
        descriptor = os.open(options.directory, os.O_RDONLY)
    except OSError as error:
        raise CaError(f"{options.directory} cannot be read.", error.strerror or "", permanent=True) from error
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Of a directory on a share that knows no locks nobody is kept out."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CaError("The passphrase is being changed by another command.", permanent=True) from error
    except OSError:
        return
