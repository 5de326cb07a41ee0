"""An independent PKCS#12 reader (RFC 7292), which shares no code with the writer: asn1crypto, hashlib."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from asn1crypto import pkcs12

from ca_bridge.pkcs12 import decryption, mac
from ca_bridge.pkcs12.decryption import ContainerError
from ca_bridge.pkcs12.kdf import Derivation

__all__ = ["Bag", "ContainerError", "legacy_derivations", "mac_iterations", "pbe_iterations", "read"]


@dataclass(frozen=True, slots=True)
class Bag:
    """One key or certificate: kind (key, cert), DER, and attributes."""

    kind: str
    der: bytes
    local_key_id: bytes | None
    friendly_name: str | None


def read(der: bytes, passphrase: str) -> tuple[Bag, ...]:
    """Verify the MAC, decrypt and parse. Raises ContainerError, whose text holds nothing of the content."""
    try:
        return _read(pkcs12.Pfx.load(der, strict=True), passphrase)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ContainerError("The container cannot be read.", type(error).__name__) from None


def _read(pfx: Any, passphrase: str) -> tuple[Bag, ...]:
    content = pfx["auth_safe"]["content"].native
    if not mac.verifies(pfx["mac_data"], content, passphrase):
        raise ContainerError("The container's MAC does not verify.")
    safes = [_safe(info, passphrase) for info in pkcs12.AuthenticatedSafe.load(content, strict=True)]
    return tuple(
        _bag(bag, passphrase) for safe in safes for bag in pkcs12.SafeContents.load(safe, strict=True)
    )


def mac_iterations(der: bytes) -> int:
    """Return the MAC's iteration count, which needs no passphrase."""
    return mac.iterations(pkcs12.Pfx.load(der, strict=True)["mac_data"])


def pbe_iterations(der: bytes) -> Iterator[int]:
    """Yield the iteration count of each encryption, which needs no passphrase."""
    return (decryption.iterations(algorithm) for algorithm in _encryptions(der))


def legacy_derivations(der: bytes) -> Iterator[Derivation]:
    """Yield the key derivation of each encryption of RFC 7292 appendix C, which needs no passphrase."""
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


def _safe(info: Any, passphrase: str) -> bytes:
    if info["content_type"].native == "data":
        return bytes(info["content"].native)
    encrypted = info["content"]["encrypted_content_info"]
    data = encrypted["encrypted_content"].native
    return decryption.decrypt(encrypted["content_encryption_algorithm"], data, passphrase)


def _bag(bag: Any, passphrase: str) -> Bag:
    attributes = {each["type"].native: each["values"][0].native for each in bag["bag_attributes"] or ()}
    beside = (attributes.get("local_key_id"), attributes.get("friendly_name"))
    kind, value = bag["bag_id"].native, bag["bag_value"]
    if kind == "cert_bag" and value["cert_id"].native == "x509":
        return Bag("cert", value["cert_value"].parsed.dump(), *beside)
    if kind == "pkcs8_shrouded_key_bag":
        der = decryption.decrypt(value["encryption_algorithm"], value["encrypted_data"].native, passphrase)
        return Bag("key", der, *beside)
    raise ContainerError("The container holds something that does not belong there.", str(kind))
