"""The MAC of a PKCS#12 file: RFC 7292 section 4, and PBMAC1 (RFC 9879)."""

import hashlib
import hmac
from typing import Any

from asn1crypto import algos, core

from ca_bridge.pkcs12 import decryption, kdf
from ca_bridge.pkcs12.decryption import ContainerError
from ca_bridge.pkcs12.kdf import Derivation

_PBMAC1 = "1.2.840.113549.1.5.14"
_DIGESTS = frozenset({"sha1", "sha224", "sha256", "sha384", "sha512"})


class _Pbmac1Parameters(core.Sequence):  # type: ignore[misc]  # asn1crypto is untyped
    """PBMAC1-params of RFC 8018 A.5."""

    _fields = [("kdf", algos.KdfAlgorithm), ("mac", algos.HmacAlgorithm)]


def iterations(mac_data: Any) -> int:
    """The iteration count of the MAC's key. Raises ValueError, TypeError or KeyError for malformed data."""
    parameters = _pbmac1(mac_data)
    if parameters is None:
        return int(mac_data["iterations"].native)
    return int(parameters["kdf"]["parameters"]["iteration_count"].native)


def verifies(mac_data: Any, content: bytes, passphrase: str) -> bool:
    """Verify the MAC of the content. Raises ContainerError for an unknown algorithm."""
    key, digest = _key(mac_data, passphrase)
    return hmac.compare_digest(hmac.digest(key, content, digest), mac_data["mac"]["digest"].native)


def classic(content: bytes, passphrase: str, *, salt: bytes, rounds: int) -> dict[str, Any]:
    """MacData with HMAC-SHA-256 under a key of the PKCS#12 derivation (RFC 7292 4 and appendix B)."""
    key = kdf.derive(passphrase, Derivation("sha256", salt, rounds), purpose=kdf.MAC, length=32)
    return {
        "mac": {
            "digest_algorithm": {"algorithm": "sha256", "parameters": core.Null()},
            "digest": hmac.digest(key, content, "sha256"),
        },
        "mac_salt": salt,
        "iterations": rounds,
    }


def pbmac1(content: bytes, passphrase: str, *, salt: bytes, rounds: int) -> dict[str, Any]:
    """MacData with PBMAC1 (RFC 9879 4): PBKDF2 with HMAC-SHA-256, then HMAC-SHA-256.

    Salt and iterations of MacData itself have no meaning then; the RFC wants a salt and one iteration.
    """
    key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, rounds, 32)
    function = {
        "salt": algos.Pbkdf2Salt("specified", core.OctetString(salt)),
        "iteration_count": rounds,
        "key_length": 32,
        "prf": {"algorithm": "sha256", "parameters": core.Null()},
    }
    parameters = _Pbmac1Parameters(
        {
            "kdf": {"algorithm": "pbkdf2", "parameters": function},
            "mac": {"algorithm": "sha256", "parameters": core.Null()},
        }
    )
    return {
        "mac": {
            "digest_algorithm": {"algorithm": _PBMAC1, "parameters": parameters},
            "digest": hmac.digest(key, content, "sha256"),
        },
        "mac_salt": b"NOT USED",
        "iterations": 1,
    }


def _key(mac_data: Any, passphrase: str) -> tuple[bytes, str]:
    parameters = _pbmac1(mac_data)
    if parameters is None:
        digest = _known(mac_data["mac"]["digest_algorithm"]["algorithm"].native)
        derivation = Derivation(digest, mac_data["mac_salt"].native, mac_data["iterations"].native)
        length = hashlib.new(digest).digest_size
        return kdf.derive(passphrase, derivation, purpose=kdf.MAC, length=length), digest
    function = parameters["kdf"]["parameters"]
    length = function["key_length"].native  # mandatory (RFC 9879 3)
    if parameters["kdf"]["algorithm"].native != "pbkdf2" or not 20 <= (length or 0) <= 64:
        raise ContainerError("The container's MAC is of an unknown kind.")
    digest = _known(parameters["mac"]["algorithm"].native)
    return decryption.pbkdf2(function, passphrase, length), digest


def _known(digest: Any) -> str:
    if digest not in _DIGESTS:
        raise ContainerError("The container's MAC is of an unknown kind.", str(digest))
    return str(digest)


def _pbmac1(mac_data: Any) -> Any | None:
    algorithm = mac_data["mac"]["digest_algorithm"]
    if algorithm["algorithm"].native != _PBMAC1:
        return None
    return _Pbmac1Parameters.load(algorithm["parameters"].dump())
