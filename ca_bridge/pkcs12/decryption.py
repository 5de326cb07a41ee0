"""The encryption schemes of PKCS#12: PBES2 (RFC 8018) and those of RFC 7292 appendix C."""

import hashlib
from typing import Any

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from ca_bridge.errors import CaError
from ca_bridge.pkcs12 import kdf, rc2
from ca_bridge.pkcs12.kdf import Derivation

PBKDF2_DIGESTS = frozenset({"sha1", "sha224", "sha256", "sha384", "sha512"})
_LEGACY_KEYS = {
    "pkcs12_sha1_tripledes_3key": 24,
    "pkcs12_sha1_tripledes_2key": 16,
    "pkcs12_sha1_rc2_128": 16,
    "pkcs12_sha1_rc2_40": 5,
}


class ContainerError(CaError):
    """A PKCS#12 container is malformed, or does not decrypt or verify."""


def decrypt(algorithm: Any, data: bytes, passphrase: str, *, as_gpgsm: bool = False) -> bytes:
    """Return the plaintext without padding. as_gpgsm: by the key that gpgsm derives (decision 15).

    Raises ContainerError for an unknown scheme, ValueError for malformed data or a wrong passphrase.
    """
    name, parameters = algorithm["algorithm"].native, algorithm["parameters"]
    if name == "pbes2":
        padded, block = _pbes2(parameters, data, passphrase)
    elif name in _LEGACY_KEYS:
        padded, block = _legacy(name, parameters, data, passphrase, as_gpgsm=as_gpgsm), 64
    else:
        raise ContainerError("The container is encrypted in an unknown way.", str(name))
    unpadder = PKCS7(block).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def iterations(algorithm: Any) -> int:
    """The iteration count of a scheme. Raises KeyError or TypeError for an unknown one."""
    if algorithm["algorithm"].native == "pbes2":
        return int(algorithm["parameters"]["key_derivation_func"]["parameters"]["iteration_count"].native)
    return int(algorithm["parameters"]["iterations"].native)


def pbkdf2(parameters: Any, passphrase: str, length: int) -> bytes:
    """RFC 8018 5.2, with the passphrase in UTF-8."""
    digest = parameters["prf"]["algorithm"].native
    if digest not in PBKDF2_DIGESTS:
        raise ContainerError("The container is encrypted in an unknown way.", str(digest))
    salt, rounds = parameters["salt"].native, parameters["iteration_count"].native
    return hashlib.pbkdf2_hmac(digest, passphrase.encode(), salt, rounds, length)


def _pbes2(parameters: Any, data: bytes, passphrase: str) -> tuple[bytes, int]:
    """RFC 8018 6.2, with PBKDF2; the text, and the bits of a block."""
    function, scheme = parameters["key_derivation_func"], parameters["encryption_scheme"]
    name = scheme["algorithm"].native
    known = name in {"aes128_cbc", "aes192_cbc", "aes256_cbc", "tripledes_3key"}
    if function["algorithm"].native != "pbkdf2" or not known:
        raise ContainerError("The container is encrypted in an unknown way.", str(name))
    key = pbkdf2(function["parameters"], passphrase, scheme.key_length)
    algorithm = TripleDES(key) if name == "tripledes_3key" else AES(key)
    decryptor = Cipher(algorithm, CBC(scheme.encryption_iv)).decryptor()
    return decryptor.update(data) + decryptor.finalize(), algorithm.block_size


def _legacy(name: str, parameters: Any, data: bytes, passphrase: str, *, as_gpgsm: bool) -> bytes:
    derivation = Derivation("sha1", parameters["salt"].native, parameters["iterations"].native)
    length = _LEGACY_KEYS[name]
    key = kdf.derive(passphrase, derivation, purpose=kdf.KEY, length=length, as_gpgsm=as_gpgsm)
    iv = kdf.derive(passphrase, derivation, purpose=kdf.IV, length=8)
    if "rc2" in name:
        return rc2.decrypt(key, data, iv)
    whole = key + key[:8] if len(key) == 16 else key
    decryptor = Cipher(TripleDES(whole), CBC(iv)).decryptor()
    return decryptor.update(data) + decryptor.finalize()
