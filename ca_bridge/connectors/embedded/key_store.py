"""Key store of the CA: PKCS#8 files in its directory, encrypted under one passphrase, or an HSM."""

import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.errors import CaError

if TYPE_CHECKING:
    from ca_bridge.keys.hsm import Token

MINIMUM_PASSPHRASE = 16
OWNER_AND_GROUP = stat.S_IRWXU | stat.S_IRWXG
# Without the line break at its end, which editors and secret stores add and drop.
_PART = re.compile(rb"-----BEGIN [^\r\n]+-----\s.*?-----END [^\r\n]+-----", re.DOTALL)


class KeyStore:
    """The keys of one CA by issuer.

    With an HSM, new keys are generated there; keys that are files already are used as files.
    """

    def __init__(self, options: EmbeddedOptions, directory: Path | None = None) -> None:
        self.options = options
        self._directory = directory or Path(options.directory)
        self._token = _token(options) if options.hsm_module and options.signs else None

    def make(self, issuer: str, bits: int) -> rsa.RSAPrivateKey:
        """Generate the key of an issuer. Raises CaError where there is a file of it.

        A key that is in the HSM under this label is used: of a ceremony, or of a try that was interrupted.
        """
        if self._token:
            return self._token.make(self.options.key_label(issuer), bits)
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        write(self.file(issuer), encrypt(key, self.passphrase()))
        return key

    def open(self, issuer: str) -> rsa.RSAPrivateKey:
        """The signer for an issuer. Raises a transient CaError."""
        if self._token and not self.file(issuer).exists():
            return self._token.open(self.options.key_label(issuer))
        return self.open_file(self.file(issuer))

    def open_file(self, path: Path) -> rsa.RSAPrivateKey:
        """A key from elsewhere that this store has written, such as the offline root key."""
        try:
            return decrypt(path.read_bytes(), self.passphrase())
        except (OSError, ValueError, TypeError) as error:
            raise CaError(
                "The certificate authority cannot open its key.", f"{path}: {type(error).__name__}"
            ) from None

    def holds(self, issuer: str) -> bool:
        """Whether the key of an issuer is here. Raises CaError where the HSM does not answer."""
        if not self.options.signs:
            return False
        if self.file(issuer).exists():
            return True
        return self._token is not None and self._token.holds(self.options.key_label(issuer))

    def file(self, issuer: str) -> Path:
        """The path of an issuer's key."""
        return self._directory / f"{issuer}.key"

    def passphrase(self) -> bytes:
        """The passphrase of the keys, from the file of the options or another one. Raises CaError."""
        return passphrase(self.options)


def _token(options: EmbeddedOptions) -> "Token":
    try:
        from ca_bridge.keys.hsm import Token  # the extra "hsm" is not installed everywhere
    except ImportError as error:
        raise CaError("python-pkcs11, for the HSM, is not installed.", str(error)) from error
    return Token(options.hsm_module, options.hsm_token, options.hsm_pin_file)


def decrypt(pem: bytes, passphrase: bytes) -> rsa.RSAPrivateKey:
    """The key that encrypt() wrote, from the part that opens. Raises ValueError or TypeError."""
    *others, last = parts(pem)
    for each in others:
        with suppress(ValueError):
            return _decrypted(each, passphrase)
    return _decrypted(last, passphrase)


def _decrypted(pem: bytes, passphrase: bytes) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(pem, passphrase)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("not an RSA key")
    return key


def parts(pem: bytes) -> list[bytes]:
    """The encrypted parts of a key file: two while the passphrase is changed, the former one first."""
    return _PART.findall(pem) or [pem]


def encrypt(key: rsa.RSAPrivateKey, passphrase: bytes) -> bytes:
    """Return the key as PKCS#8 (PEM) under a passphrase."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )


def write(path: Path, content: bytes) -> None:
    """Write a new file with mode 0600 atomically. Raises CaError where the file exists."""
    workshop = temporary_path(path)
    try:
        fill(workshop, content)
        _place(workshop, path)
    except OSError as error:
        raise CaError(f"{path} cannot be written.", error.strerror or "", permanent=True) from error
    finally:
        workshop.unlink(missing_ok=True)


def temporary_path(path: Path) -> Path:
    """The temporary path of this process for a file."""
    return path.with_name(f".{path.name}.{os.getpid()}")


def fill(workshop: Path, content: bytes, *, like: os.stat_result | None = None) -> None:
    """Write and fsync a new file, with mode 0600 or the owner and mode of another file. Raises OSError."""
    descriptor = os.open(workshop, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        if like is not None:
            _open_to(descriptor, like)
        os.fsync(descriptor)


def _open_to(descriptor: int, like: os.stat_result) -> None:
    """Copy owner and mode where they differ: not every file system has owners."""
    now, mode = os.fstat(descriptor), like.st_mode & OWNER_AND_GROUP
    if _owner(now) != _owner(like):
        os.fchown(descriptor, *_owner(like))
    if now.st_mode & OWNER_AND_GROUP != mode:
        os.fchmod(descriptor, mode)


def _owner(found: os.stat_result) -> tuple[int, int]:
    return found.st_uid, found.st_gid


def _place(workshop: Path, path: Path) -> None:
    """Link or rename the file into its place, never over another one."""
    try:
        os.link(workshop, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links, such as a memory stick's
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        workshop.replace(path)


def passphrase(options: EmbeddedOptions, file: Path | None = None) -> bytes:
    """Return the passphrase of the keys, or the one in a file elsewhere that comes next. Raises CaError."""
    if not options.signs:
        raise CaError(f"This process holds no key of the CA {options.name}.", "passphrase_file is empty")
    return _read_passphrase(options, file or Path(options.passphrase_file))


def _read_passphrase(options: EmbeddedOptions, path: Path) -> bytes:
    try:
        found = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CaError(
            f"The passphrase of the CA {options.name} cannot be read.",
            f"{path}: {type(error).__name__}",
        ) from None
    if len(found) < MINIMUM_PASSPHRASE:
        raise CaError(
            f"The passphrase of the CA {options.name} is shorter than {MINIMUM_PASSPHRASE} characters."
        )
    return found.encode()


def has_ocsp_passphrase(options: EmbeddedOptions) -> bool:
    """Whether the keys of OCSP signers have a passphrase of their own here."""
    return bool(options.ocsp_passphrase_file) and Path(options.ocsp_passphrase_file).exists()


def ocsp_passphrase(options: EmbeddedOptions) -> bytes:
    """The passphrase of the keys of OCSP signers. Raises CaError."""
    own = Path(options.ocsp_passphrase_file) if has_ocsp_passphrase(options) else None
    return _read_passphrase(options, own) if own else passphrase(options)
