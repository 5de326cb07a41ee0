"""Change of the CA's passphrase in two phases: keys under both passphrases, then under the new one alone.

The command cannot write where the passphrase lies: in a secret store, or on each host. So each key file holds
the key twice in between, under the former and under the new passphrase, and opens with either. It is
replaced atomically (rename(2)), so a kill at any moment leaves files that open.
"""

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ca_bridge.connectors.embedded import key_store
from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.errors import CaError

DER, SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo


class _KeyFile(NamedTuple):
    """A key, and the part of its file that opens with the present passphrase."""

    path: Path
    stat: os.stat_result
    parts: list[bytes]
    pem: bytes
    key: rsa.RSAPrivateKey


def add(options: EmbeddedOptions, passphrase_file: Path, root_key: Path | None = None) -> int:
    """Encrypt each key under the passphrase in this file as well; return how many. Raises CaError.

    root_key: the file of the root's key, where it is kept elsewhere. An interrupted try is resumed; another
    passphrase that was added before is dropped.
    """
    with _alone(options):
        now, new = key_store.passphrase(options), key_store.passphrase(options, passphrase_file)
        if now == new:
            raise CaError(
                "This is the passphrase that the keys are under.", str(passphrase_file), permanent=True
            )
        # All are opened, and written, before any is changed.
        found = [_opened(path, now) for path in _files(options, root_key)]
        _put([(each, each.pem + b"\n" + key_store.encrypt(each.key, new)) for each in found], (now, new))
        _clear_away(found)
        return len(found)


def finish(options: EmbeddedOptions, root_key: Path | None = None) -> int:
    """Drop the former passphrase, where all keys open with the present one; return how many keys.

    Raises CaError where one does not, or where the present passphrase is still the former one.
    """
    with _alone(options):
        now = key_store.passphrase(options)
        found = [_opened(path, now) for path in _files(options, root_key)]
        both = [each for each in found if len(each.parts) > 1]
        for each in both:
            if each.parts[0] == each.pem:
                raise CaError(
                    "The former passphrase is still in use.",
                    f"{options.passphrase_file} has to hold the new one, on every host",
                    permanent=True,
                )
        _put([(each, each.pem + b"\n") for each in both], (now,))
        _clear_away(found)
        return len(both)


def _files(options: EmbeddedOptions, root_key: Path | None) -> list[Path]:
    """The key files, also of a pending issuing CA. Keys in an HSM are under its PIN."""
    named = sorted(Path(options.directory).glob("*.key")) + ([root_key] if root_key else [])
    if not named:
        raise CaError("There are no key files.", options.directory, permanent=True)
    # A link stays one: what it leads to is replaced, once.
    return [*dict.fromkeys(path.resolve() for path in named)]


def _opened(path: Path, passphrase: bytes) -> _KeyFile:
    """The part of the file that the passphrase opens."""
    try:
        parts, found = key_store.parts(path.read_bytes()), path.stat()
    except OSError as error:
        raise CaError(f"{path} cannot be read.", error.strerror or "", permanent=True) from error
    for each in parts:
        with suppress(ValueError, TypeError):
            key = key_store.decrypt(each, passphrase)
            return _KeyFile(path, found, parts, each.rstrip(), key)
    raise CaError(
        "A key does not open with the passphrase that is in use.",
        f"{path}; put the former passphrase back, and begin again with --to",
        permanent=True,
    )


def _put(wanted: Sequence[tuple[_KeyFile, bytes]], passphrases: tuple[bytes, ...]) -> None:
    """Replace the files, once each opens with each passphrase and all are on disk."""
    for each, content in wanted:
        _check(each, content, passphrases)
    try:
        for each, content in wanted:
            _write(each, content)
        for each, _content in wanted:
            with _said_of(each.path):
                key_store.temporary_path(each.path).replace(each.path)
                _sync(each.path.parent)
    except CaError:
        for each, _content in wanted:
            with suppress(OSError):
                key_store.temporary_path(each.path).unlink()
        raise


def _check(found: _KeyFile, content: bytes, passphrases: tuple[bytes, ...]) -> None:
    try:
        is_the_key = all(
            _public(key_store.decrypt(content, each)) == _public(found.key) for each in passphrases
        )
    except (ValueError, TypeError):
        is_the_key = False
    if not is_the_key:
        raise CaError("What was to be written is not the key.", str(found.path), permanent=True)


def _write(found: _KeyFile, content: bytes) -> None:
    """Write beside the file, with its owner and mode: the command may run as another user."""
    workshop = key_store.temporary_path(found.path)
    with _said_of(found.path):
        workshop.unlink(missing_ok=True)  # of a process that was killed and had our number
        try:
            key_store.fill(workshop, content, like=found.stat)
        except PermissionError as error:
            if not workshop.exists():
                raise
            raise CaError(
                f"{found.path} belongs to another user or group, who could not open it any more.",
                "give the command as that user, or as root; nothing was changed",
                permanent=True,
            ) from error


def _clear_away(found: Sequence[_KeyFile]) -> None:
    """Remove temporary files of interrupted tries. Other files are left alone."""
    for path in (each.path for each in found):
        ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9]+")
        with _said_of(path):
            left = [each for each in path.parent.iterdir() if ours.fullmatch(each.name)]
            for each in left:
                each.unlink()
            if left:
                _sync(path.parent)


@contextmanager
def _said_of(path: Path) -> Iterator[None]:
    try:
        yield
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
    """A lock: two changes at once would leave files under different passphrases."""
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
    """Lock the directory; on a share without locks nobody is kept out."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CaError("The passphrase is being changed by another command.", permanent=True) from error
    except OSError:
        return
