"""Keys in a PKCS#11 token (HSM), which sign in the token and never leave it. One session per process."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pkcs11
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass

from ca_bridge.errors import CaError

Result = TypeVar("Result")
_KEPT_INSIDE = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
_TROUBLES = (RuntimeError, OSError, UnicodeDecodeError)  # errors of PKCS#11 are RuntimeErrors


class _Process:
    """The PKCS#11 sessions of one process; after a fork the child opens new ones (C_Initialize).

    One thread at a time uses a module: it is initialised without locking (CKF_OS_LOCKING_OK).
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.modules: set[str] = set()
        self.sessions: dict[tuple[str, str], Any] = {}


# By process id, never cleared: to drop a parent's session object would close the child's of the same handle.
_processes: dict[int, _Process] = {}
_loaded: set[str] = set()  # modules, in this process or before a fork in its parent


class Token:
    """A token, by its label; logs in with the PIN in a file at the first operation.

    Every method raises a transient CaError on a fault of the token.
    """

    def __init__(self, module: str, label: str, pin_file: str) -> None:
        self._module, self._label, self._pin_file = module, label, pin_file
        self._refused = ""

    def make(self, label: str, bits: int) -> "TokenKey":
        """The key of this label, generated now if there is none."""
        if not self.holds(label):
            self.run(lambda _session: self._generate(label, bits))
        return self.open(label)

    def open(self, label: str) -> "TokenKey":
        """The key of this label, for signing."""
        found = self.run(lambda session: _public_key(private_key(session, label)))
        if found is None:
            raise CaError("The HSM does not hold the CA's key.", f"token {self._label}, key {label}")
        return TokenKey(self, label, found)

    def holds(self, label: str) -> bool:
        """Whether there is a private key of this label."""
        return self.run(lambda session: private_key(session, label) is not None)

    def sign(self, label: str, data: bytes) -> bytes:
        """Return an RSASSA-PKCS1-v1_5 signature with SHA-256."""
        signature = self.run(lambda session: _signature(private_key(session, label), data))
        if signature is None:
            raise CaError("The HSM does not hold the CA's key.", f"token {self._label}, key {label}")
        return signature

    def run(self, action: Callable[[Any], Result]) -> Result:
        """Run an action in our session; retry once in a new session if the token has lost the first."""
        process = _processes.setdefault(os.getpid(), _Process())
        with process.lock:
            known = process.sessions.get((self._module, self._label))
            if known is not None:
                try:
                    return action(known)
                except _TROUBLES:
                    del process.sessions[self._module, self._label]
            try:
                return action(self._open(process))
            except _TROUBLES as error:
                raise self._trouble(error) from None

    def _open(self, process: _Process) -> Any:
        session = self._log_in(_library(process, self._module).get_token(token_label=self._label))
        process.sessions[self._module, self._label] = session
        return session

    def _log_in(self, token: Any, *, rw: bool = False) -> Any:
        """Log in. A refused PIN is not tried again: a token locks itself after some tries."""
        pin = Path(self._pin_file).read_text(encoding="utf-8").strip()
        if pin == self._refused:
            raise pkcs11.PinIncorrect
        try:
            return token.open(user_pin=pin, rw=rw)
        except pkcs11.UserAlreadyLoggedIn:  # in another session of this process
            return token.open(rw=rw)
        except pkcs11.PinIncorrect:
            self._refused = pin
            raise

    def _generate(self, label: str, bits: int) -> None:
        process = _processes[os.getpid()]
        token = _library(process, self._module).get_token(token_label=self._label)
        with self._log_in(token, rw=True) as session:
            session.generate_keypair(
                KeyType.RSA,
                bits,
                id=label.encode(),
                label=label,
                store=True,
                capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
                private_template=_KEPT_INSIDE,
            )

    def _trouble(self, error: Exception) -> CaError:
        """A CaError with the kind of the fault only: the text of a file or module may hold a secret."""
        if isinstance(error, OSError):
            return CaError("The PIN of the HSM cannot be read.", f"hsm_pin_file: {type(error).__name__}")
        if isinstance(error, pkcs11.PinIncorrect):
            return CaError("The HSM refuses the PIN.", f"token {self._label}; it is not tried again")
        return CaError(
            "The HSM does not do what the certificate authority asks of it.",
            f"{self._module}, token {self._label}: {type(error).__name__}",
        )


@contextmanager
def in_module(module: str) -> Iterator[Any]:
    """The module as a library, for one thread of this process at a time."""
    process = _processes.setdefault(os.getpid(), _Process())
    with process.lock:
        yield _library(process, module)


def _library(process: _Process, module: str) -> Any:
    library = pkcs11.lib(module)
    if module in _loaded and module not in process.modules:
        library.reinitialize()  # inherited by the fork
    _loaded.add(module)
    process.modules.add(module)
    return library


def private_key(session: Any, label: str) -> Any:
    """The RSA key of this label, or None."""
    try:
        return session.get_key(object_class=ObjectClass.PRIVATE_KEY, key_type=KeyType.RSA, label=label)
    except pkcs11.NoSuchKey:
        return None


def _public_key(key: Any) -> rsa.RSAPublicKey | None:
    if key is None:
        return None
    exponent, modulus = (
        int.from_bytes(key[each], "big") for each in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS)
    )
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _signature(key: Any, data: bytes) -> bytes | None:
    return None if key is None else bytes(key.sign(data, mechanism=Mechanism.SHA256_RSA_PKCS))


class TokenKey(rsa.RSAPrivateKey):
    """A key in the token with the interface of `cryptography`; only its public half is here."""

    def __init__(self, token: Token, label: str, public: rsa.RSAPublicKey) -> None:
        self._token, self._label, self._public = token, label, public

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
        """RSASSA-PKCS1-v1_5 with SHA-256; the only scheme that the embedded CA uses."""
        if not isinstance(padding, PKCS1v15) or not isinstance(algorithm, hashes.SHA256):
            raise UnsupportedAlgorithm("The CA signs by RSASSA-PKCS1-v1_5 with SHA-256.")
        return self._token.sign(self._label, bytes(data))

    def decrypt(self, ciphertext: bytes, padding: Any) -> NoReturn:  # noqa: ARG002 the interface's signature
        self._refuse()

    def private_numbers(self) -> NoReturn:
        self._refuse()

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> NoReturn:  # noqa: A002, ARG002 the interface's signature
        self._refuse()

    def __copy__(self) -> "TokenKey":
        return self

    def __deepcopy__(self, memo: Any) -> "TokenKey":
        return self

    def _refuse(self) -> NoReturn:
        raise UnsupportedAlgorithm("A key in an HSM does nothing but sign.")
