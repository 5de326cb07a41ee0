"""A reader of PKCS#12 (RFC 7292) that shares nothing with the writer: asn1crypto, hashlib, block ciphers."""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from asn1crypto import algos, pkcs12
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from ca_bridge.errors import CaError
from ca_bridge.pkcs12 import kdf as pkcs12_kdf
from ca_bridge.pkcs12.kdf import Derivation

_PBKDF2_DIGESTS = {"sha1": "sha1", "sha256": "sha256"}


class ContainerError(CaError):
    """A container is not what it should be."""


@dataclass(frozen=True, slots=True)
class Bag:
    """One key or certificate: kind (key, cert), its DER, and what stands beside it."""

    kind: str
    der: bytes
    local_key_id: bytes | None
    friendly_name: str | None


def read(der: bytes, passphrase: str) -> tuple[Bag, ...]:
    """Verify the MAC, decrypt, take apart. Raises ContainerError, whose text holds nothing of the content."""
    try:
        return _read(pkcs12.Pfx.load(der, strict=True), passphrase)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ContainerError("The container cannot be read.", type(error).__name__) from None


def _read(pfx: Any, passphrase: str) -> tuple[Bag, ...]:
    content = pfx["auth_safe"]["content"].native
    _verify_mac(pfx["mac_data"], content, passphrase)
    safes = [_safe(info, passphrase) for info in pkcs12.AuthenticatedSafe.load(content, strict=True)]
    return tuple(
        _bag(bag, passphrase) for safe in safes for bag in pkcs12.SafeContents.load(safe, strict=True)
    )


def mac_iterations(der: bytes) -> int:
    """Return the iterations of the MAC, without a passphrase."""
    return int(pkcs12.Pfx.load(der, strict=True)["mac_data"]["iterations"].native)


def pbe_iterations(der: bytes) -> Iterator[int]:
    """Yield the iterations of each encryption, without a passphrase."""
    return (_iterations(algorithm) for algorithm in _encryptions(der))


def legacy_derivations(der: bytes) -> Iterator[Derivation]:
    """Yield how the key of each encryption of RFC 7292 appendix C is derived, without a passphrase."""
    for algorithm in _encryptions(der):
        if algorithm["algorithm"].native == "pkcs12_sha1_tripledes_3key":
            parameters = algorithm["parameters"]
            yield Derivation("sha1", parameters["salt"].native, parameters["iterations"].native)


def _encryptions(der: bytes) -> Iterator[Any]:
    content = pkcs12.Pfx.load(der, strict=True)["auth_safe"]["content"].native
    for info in pkcs12.AuthenticatedSafe.load(content, strict=True):
        if info["content_type"].native == "encrypted_data":
            yield info["content"]["encrypted_content_info"]["content_encryption_algorithm"]
        else:
            for bag in pkcs12.SafeContents.load(info["content"].native, strict=True):
                if bag["bag_id"].native == "pkcs8_shrouded_key_bag":
                    yield bag["bag_value"]["encryption_algorithm"]


def _verify_mac(mac_data: Any, content: bytes, passphrase: str) -> None:
    digest = mac_data["mac"]["digest_algorithm"]["algorithm"].native
    derivation = Derivation(digest, mac_data["mac_salt"].native, mac_data["iterations"].native)
    length = hashlib.new(digest).digest_size
    key = pkcs12_kdf.derive(passphrase, derivation, purpose=pkcs12_kdf.MAC, length=length)
    if not hmac.compare_digest(hmac.digest(key, content, digest), mac_data["mac"]["digest"].native):
        raise ContainerError("The container's MAC does not verify.")


def _safe(info: Any, passphrase: str) -> bytes:
    if info["content_type"].native == "data":
        return bytes(info["content"].native)
    encrypted = info["content"]["encrypted_content_info"]
    data = encrypted["encrypted_content"].native
    return _decrypt(encrypted["content_encryption_algorithm"], data, passphrase)


def _bag(bag: Any, passphrase: str) -> Bag:
    attributes = {each["type"].native: each["values"][0].native for each in bag["bag_attributes"] or ()}
    beside = (attributes.get("local_key_id"), attributes.get("friendly_name"))
    kind, value = bag["bag_id"].native, bag["bag_value"]
    if kind == "cert_bag" and value["cert_id"].native == "x509":
        return Bag("cert", value["cert_value"].parsed.dump(), *beside)
    if kind == "pkcs8_shrouded_key_bag":
        der = _decrypt(value["encryption_algorithm"], value["encrypted_data"].native, passphrase)
        return Bag("key", der, *beside)
    raise ContainerError("The container holds something that does not belong there.", str(kind))


def _iterations(algorithm: Any) -> int:
    if algorithm["algorithm"].native == "pbes2":
        return int(algorithm["parameters"]["key_derivation_func"]["parameters"]["iteration_count"].native)
    return int(algorithm["parameters"]["iterations"].native)


def _decrypt(algorithm: Any, data: bytes, passphrase: str) -> bytes:
    match algorithm["algorithm"].native:
        case "pbes2":
            cipher = _pbes2(algorithm["parameters"], passphrase)
        case "pkcs12_sha1_tripledes_3key":
            cipher = _triple_des(algorithm["parameters"], passphrase)
        case other:
            raise ContainerError("The container is encrypted in a way that nobody ordered.", str(other))
    decryptor = cipher.decryptor()
    unpadder = PKCS7(cipher.algorithm.block_size).unpadder()  # type: ignore[attr-defined]  # both are block ciphers
    padded = decryptor.update(data) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


def _pbes2(parameters: Any, passphrase: str) -> Cipher[CBC]:
    """RFC 8018 6.2, with PBKDF2 and AES in CBC."""
    kdf = parameters["key_derivation_func"]["parameters"]
    scheme: algos.EncryptionAlgorithm = parameters["encryption_scheme"]
    if scheme["algorithm"].native not in {"aes128_cbc", "aes256_cbc"}:
        raise ContainerError("The container is encrypted in a way that nobody ordered.")
    digest = _PBKDF2_DIGESTS[kdf["prf"]["algorithm"].native]
    key = hashlib.pbkdf2_hmac(
        digest,
        passphrase.encode(),
        kdf["salt"].native,
        kdf["iteration_count"].native,
        scheme.key_length,
    )
    return Cipher(AES(key), CBC(scheme.encryption_iv))


def _triple_des(parameters: Any, passphrase: str) -> Cipher[CBC]:
    """pbeWithSHAAnd3-KeyTripleDES-CBC of RFC 7292 appendix C."""
    derivation = Derivation("sha1", parameters["salt"].native, parameters["iterations"].native)
    key = pkcs12_kdf.derive(passphrase, derivation, purpose=pkcs12_kdf.KEY, length=24)
    iv = pkcs12_kdf.derive(passphrase, derivation, purpose=pkcs12_kdf.IV, length=8)
    return Cipher(TripleDES(key), CBC(iv))
