"""A key-encryption key in a PKCS#11 token: an AES key that is sensitive and not extractable.

AES-GCM if the token offers it, with the record as authenticated data; else AES key wrap (RFC 3394), which has
no authenticated data: then only the encrypted body binds the record, whose data key opens nothing else.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from django.conf import settings

from ca_bridge.errors import CaError
from identity_manager.vault.key_encryption import KEY, NONCE, TAG, KeyServiceDown, KeyVersionClosed

GCM, WRAP = b"g", b"w"  # the first byte of what is wrapped


@dataclass(frozen=True)
class HsmOptions:
    """The PKCS#11 module, the label of the token, and the file with its PIN."""

    module: str = ""
    token: str = ""
    pin_file: str = ""


class _NoKeyError(RuntimeError):
    """The token has no key of this label; as errors of PKCS#11 a RuntimeError."""


@dataclass(frozen=True)
class HsmKey:
    """The key of this label in the token of the settings."""

    label: str

    def wrap(self, data_key: bytes, bound: bytes) -> bytes:
        """Wrap the data key. Raises KeyServiceDown."""
        return self._do(lambda key: _wrapped(key, data_key, bound))

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """Unwrap the data key. Raises InvalidTag, or KeyServiceDown, as KeyVersionClosed without such a key.

        PKCS#11 has no reliable error for a wrong tag. After a failure the key wraps something else: if that
        works, the tag was wrong; if not, the HSM is down.
        """
        try:
            return self._do(lambda key: _unwrapped(key, wrapped, bound))
        except KeyVersionClosed:
            raise
        except KeyServiceDown:
            self.wrap(secrets.token_bytes(KEY), bound)
            raise InvalidTag from None

    def _do(self, action: Callable[[Any], bytes]) -> bytes:
        """Call it with the key."""
        from ca_bridge.keys import hsm  # python-pkcs11 is an extra

        is_missing = False

        def with_key(session: Any) -> bytes:
            nonlocal is_missing
            key = _key(session, self.label)
            is_missing = key is None
            if is_missing:
                raise _NoKeyError
            return action(key)

        options: HsmOptions = settings.KEYS_HSM
        token = hsm.Token(options.module, options.token, options.pin_file)
        try:
            return token.run(with_key)
        except CaError as error:
            if is_missing:
                raise KeyVersionClosed(f"The HSM has no key {self.label}.") from None
            raise KeyServiceDown(f"The HSM does not do what the key {self.label} is for.") from error


def _key(session: Any, label: str) -> Any:
    """None: the token has no key of this label."""
    import pkcs11

    try:
        return session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, label=label)
    except pkcs11.NoSuchKey:
        return None


def _offers_gcm(key: Any) -> bool:
    import pkcs11

    return bool(pkcs11.Mechanism.AES_GCM in key.session.token.slot.get_mechanisms())


def _wrapped(key: Any, data_key: bytes, bound: bytes) -> bytes:
    from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass

    if _offers_gcm(key):
        nonce = secrets.token_bytes(NONCE)
        parameters = GCMParams(nonce, bound, TAG * 8)
        sealed = key.encrypt(data_key, mechanism=Mechanism.AES_GCM, mechanism_param=parameters)
        return GCM + nonce + bytes(sealed)
    inside = key.session.create_object(
        {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.AES,
            Attribute.VALUE: data_key,
            Attribute.TOKEN: False,
            Attribute.EXTRACTABLE: True,
            Attribute.SENSITIVE: False,
        }
    )
    try:
        return WRAP + bytes(key.wrap_key(inside, mechanism=Mechanism.AES_KEY_WRAP))
    finally:
        inside.destroy()  # session objects pile up


def _unwrapped(key: Any, wrapped: bytes, bound: bytes) -> bytes:
    from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass

    form, content = wrapped[:1], wrapped[1:]
    if form == GCM:
        parameters = GCMParams(content[:NONCE], bound, TAG * 8)
        plain = key.decrypt(content[NONCE:], mechanism=Mechanism.AES_GCM, mechanism_param=parameters)
        return bytes(plain)
    inside = key.unwrap_key(
        ObjectClass.SECRET_KEY,
        KeyType.AES,
        content,
        mechanism=Mechanism.AES_KEY_WRAP,
        template={Attribute.TOKEN: False, Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: False},
    )
    try:
        return bytes(inside[Attribute.VALUE])
    finally:
        inside.destroy()
