"""Recovery keys in a PKCS#11 token (HSM): they decrypt there and never leave it.

The officers' secret decrypts the token's PIN, which the ceremony has set to a random one. Each operation logs
in and out, so that nothing is decrypted without the PIN. The token must hold recovery keys only: a session
for another key would keep it logged in.
"""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding as paddings
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from ca_bridge.errors import KeyArchiveError

logger = logging.getLogger(__name__)

PIN_SYMBOLS, PIN_LENGTH = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789", 24  # 120 bits
NO_MODULE = (
    "recovery-hsm-not-configured",
    _("The recovery key lies in an HSM, and RECOVERY_HSM_MODULE names no PKCS#11 module here."),
)
NO_HSM = ("recovery-hsm-fails", _("The HSM does not do what is asked of it. The log says more."))
NO_KEY = ("recovery-hsm-without-key", _("The HSM does not hold this recovery key."))
KEY_THERE = ("recovery-hsm-key-there", _("The HSM holds a key of this name already. Choose another name."))
PIN_REFUSED = ("recovery-hsm-pin", _("The HSM refuses the PIN."))


class RecoveryTokenKey(rsa.RSAPrivateKey):
    """A recovery key in a token with the interface of `cryptography`; only its public half is in memory.

    token, label: of the token and of the key in it.  pin: of the token.
    """

    def __init__(self, token: str, label: str, *, pin: str, public: rsa.RSAPublicKey) -> None:
        self.token, self.label, self.pin, self._public = token, label, pin, public

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public

    def decrypt(self, ciphertext: bytes, padding: Any) -> bytes:
        """RSA-OAEP. Raises ValueError where the token cannot, as for a wrong key, or KeyArchiveError."""
        import pkcs11

        parameter = _oaep(padding)
        with _session(self.token, self.pin) as session:
            key = _private(session, self.label)
            try:
                mechanism = pkcs11.Mechanism.RSA_PKCS_OAEP
                return bytes(key.decrypt(ciphertext, mechanism=mechanism, mechanism_param=parameter))
            except pkcs11.PKCS11Error:
                raise ValueError("The token does not decrypt this.") from None

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
        """RSASSA with SHA-256: PSS, or PKCS1-v1_5 for its certificate. Raises KeyArchiveError."""
        from pkcs11 import MGF, Mechanism

        if not isinstance(algorithm, hashes.SHA256):
            raise UnsupportedAlgorithm("A recovery key signs with SHA-256.")
        options: dict[str, Any] = {"mechanism": Mechanism.SHA256_RSA_PKCS}
        if isinstance(padding, paddings.PSS):
            options = {
                "mechanism": Mechanism.SHA256_RSA_PKCS_PSS,
                "mechanism_param": (Mechanism.SHA256, MGF.SHA256, algorithm.digest_size),
            }
        with _session(self.token, self.pin) as session:
            return bytes(_private(session, self.label).sign(bytes(data), **options))

    def private_numbers(self) -> NoReturn:
        raise UnsupportedAlgorithm("A key in an HSM does not leave it.")

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> NoReturn:  # noqa: A002, ARG002 the interface's signature
        raise UnsupportedAlgorithm("A key in an HSM does not leave it.")

    def __copy__(self) -> "RecoveryTokenKey":
        return self

    def __deepcopy__(self, memo: Any) -> "RecoveryTokenKey":
        return self


def make(token: str, label: str, *, pin: str, bits: int) -> RecoveryTokenKey:
    """Generate a key in the token and set a random PIN. Raises KeyArchiveError."""
    from pkcs11 import Attribute, KeyType, MechanismFlag

    flags = MechanismFlag.DECRYPT | MechanismFlag.ENCRYPT | MechanismFlag.SIGN | MechanismFlag.VERIFY
    with _session(token, pin, rw=True) as session:
        if _found(session, label) is not None:
            raise KeyArchiveError(KEY_THERE)
        session.generate_keypair(
            KeyType.RSA,
            bits,
            id=label.encode(),
            label=label,
            store=True,
            capabilities=flags,
            private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
        )
        fresh = fresh_pin()
        session.set_pin(pin, fresh)
    return open_key(token, label, pin=fresh)


def fresh_pin() -> str:
    """A random PIN, which nobody sees."""
    return "".join(secrets.choice(PIN_SYMBOLS) for _each in range(PIN_LENGTH))


def change_pin(key: RecoveryTokenKey, fresh: str) -> None:
    """Set this PIN on the token. Raises KeyArchiveError; then the former PIN remains."""
    with _session(key.token, key.pin, rw=True) as session:
        session.set_pin(key.pin, fresh)


def open_key(token: str, label: str, *, pin: str) -> RecoveryTokenKey:
    """The key of this label. Raises KeyArchiveError."""
    from pkcs11 import Attribute

    with _session(token, pin) as session:
        key = _private(session, label)
        exponent, modulus = (
            int.from_bytes(key[each], "big") for each in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS)
        )
    return RecoveryTokenKey(
        token, label, pin=pin, public=rsa.RSAPublicNumbers(exponent, modulus).public_key()
    )


@contextmanager
def _session(token: str, pin: str, *, rw: bool = False) -> Iterator[Any]:
    """A logged-in session for one operation; other threads of this process wait."""
    module = settings.RECOVERY_HSM_MODULE
    if not module:
        raise KeyArchiveError(NO_MODULE)
    try:
        import pkcs11

        from ca_bridge.keys import hsm
    except ImportError:
        raise KeyArchiveError(NO_MODULE) from None
    with hsm.in_module(module) as library:
        try:
            with library.get_token(token_label=token).open(user_pin=pin, rw=rw) as session:
                yield session
        except (pkcs11.PinIncorrect, pkcs11.PinLenRange, pkcs11.PinLocked):
            raise KeyArchiveError(PIN_REFUSED) from None
        except (pkcs11.PKCS11Error, OSError) as error:
            logger.warning("%s, token %s: %s", module, token, type(error).__name__)
            raise KeyArchiveError(NO_HSM) from None


def _oaep(padding: Any) -> Any:
    """PKCS#11 mechanism parameters for the OAEP padding of the envelope."""
    from pkcs11 import MGF, Mechanism

    if not isinstance(padding, paddings.OAEP):
        raise UnsupportedAlgorithm("A recovery key decrypts by RSA-OAEP.")
    if isinstance(padding.algorithm, hashes.SHA256):
        return Mechanism.SHA256, MGF.SHA256, None
    return Mechanism.SHA_1, MGF.SHA1, None


def _found(session: Any, label: str) -> Any:
    from ca_bridge.keys import hsm

    return hsm.private_key(session, label)


def _private(session: Any, label: str) -> Any:
    key = _found(session, label)
    if key is None:
        raise KeyArchiveError(NO_KEY)
    return key
