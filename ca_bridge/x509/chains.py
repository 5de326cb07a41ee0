"""Chain building: the issuers to put into a container."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca_bridge.contract import Issued
from ca_bridge.errors import CaError
from ca_bridge.keys.keys import spki_sha256
from ca_bridge.x509 import algorithm_strength
from ca_bridge.x509.certificates import load, names_itself
from ca_bridge.x509.der import (
    MALFORMED,
    has_key_of,
    is_root,
    is_self_issued,
    is_valid_now,
    issuers_of,
    may_sign_certificates,
    rollover_issuers,
    unknown_critical_extensions_of_issuer,
)

MAX_CHAIN_LENGTH = 10
# Ten times the usual size. A container is mailed, and works without roll-over certificates, too.
LARGEST_ROLLOVER_BYTES = 20_000


class Issuers(NamedTuple):
    """The issuers in a container. path: from the issuing CA up to just below the root, which clients have.

    rollovers: certificates of the root's key signed by another root key of the same CA (NewWithOld,
    OldWithNew, RFC 9810 4.4), for clients that trust only that other root; one for each such root.
    """

    path: tuple[bytes, ...]
    rollovers: tuple[bytes, ...] = ()


def for_container(answer: Issued, trusted: Sequence[bytes]) -> Issuers:
    """Build the chain from the certificates received and the configured, trusted ones. Ignores malformed DER.

    Some CAs send no issuer, or one, or both during key roll-over; the container needs every intermediate
    and nothing else. Verification is done elsewhere.
    """
    try:
        own, came, anchors = load(answer.certificate), [*map(load, answer.chain)], [*map(load, trusted)]
        return _issuers(own, _intermediates(came, anchors), anchors)
    except (CaError, *MALFORMED):
        return Issuers(tuple(bytes(each) for each in answer.chain if not names_itself(each)))


def root_of(certificate: bytes, issuers: Sequence[bytes], *, trusted: Sequence[bytes]) -> bytes | None:
    """The trusted root (DER) to which a certificate chains by these issuers; None if it chains to none."""
    try:
        others = [load(each) for each in dict.fromkeys((*issuers, *trusted))]
        path = [load(each) for each in issuers_of(load(certificate), others)]
    except (CaError, *MALFORMED):
        return None
    roots = _der(each for each in path if is_root(each, others))
    return next((root for root in roots if root in trusted), None)


def _intermediates(
    came: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """Without the root, which clients have already.

    A self-issued certificate is not a root if a trusted CA, or one below it, has signed it.
    """
    issued = [each for each in came if not is_self_issued(each)]
    signers = [*anchors, *issued]
    return [*issued, *(each for each in came if is_self_issued(each) and not is_root(each, signers))]


def _issuers(
    own: x509.Certificate, came: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]
) -> Issuers:
    if len(came) > MAX_CHAIN_LENGTH:
        return Issuers(_der(came))
    others = [*dict.fromkeys((*came, *anchors))]
    found = [*map(load, issuers_of(own, others))]
    path = [each for each in found if not is_root(each, others)]
    root = next((each for each in found if is_root(each, others)), None)
    if root is None:
        return Issuers(_der(path or came))
    # If the root itself issued it, there is no intermediate; one that came in the reply is still verified.
    path = path or [each for each in came if not is_self_issued(each)]
    return Issuers(_der(path), _der(_rollovers(root, others, anchors)))


def _rollovers(
    root: x509.Certificate, others: Iterable[x509.Certificate], anchors: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """Roll-over certificates signed by a trusted key and acceptable to clients; of each key the longest
    valid.
    """
    named = [each for each in others if is_self_issued(each) and each.subject == root.subject]
    ours = [each for each in named if has_key_of(each, root) and is_valid_now(each)]
    by_key = {
        spki_sha256(elder.public_key()): each
        for each in sorted(ours, key=lambda each: each.not_valid_after_utc)
        for elder in rollover_issuers(each, anchors)
        if _is_sound(each, elder)
    }
    return [*dict.fromkeys(by_key.values())]


def _is_sound(rollover: x509.Certificate, elder: x509.Certificate) -> bool:
    """Whether clients accept it; unacceptable ones are left out (and refused elsewhere if in the path)."""
    try:
        return (
            len(rollover.public_bytes(Encoding.DER)) <= LARGEST_ROLLOVER_BYTES
            and may_sign_certificates(rollover)
            and not unknown_critical_extensions_of_issuer(rollover)
            and not any(algorithm_strength.of_issuers([rollover, elder]))
        )
    except MALFORMED:
        return False


def _der(certificates: Iterable[x509.Certificate]) -> tuple[bytes, ...]:
    return tuple(each.public_bytes(Encoding.DER) for each in certificates)
