"""Parser for the parts of CMP messages (RFC 9810, appendix F) that are read here. OpenSSL verifies them."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

from asn1crypto import core, parser
from asn1crypto import x509 as asn1_x509

from ca_bridge.connection.reply import UNREADABLE


class BodyType(IntEnum):
    """The tags of PKIBody."""

    IP = 1
    CP = 3
    P10CR = 4
    RR = 11
    RP = 12
    PKICONF = 19
    GENP = 22
    ERROR = 23
    POLLREP = 26


class FailureBit(IntEnum):
    """The bits of PKIFailureInfo that are told apart here."""

    BAD_MESSAGE_CHECK = 1
    BAD_TIME = 3
    BAD_CERT_ID = 4
    CERT_REVOKED = 10
    WRONG_INTEGRITY = 12
    TIME_NOT_AVAILABLE = 14
    SIGNER_NOT_TRUSTED = 20
    TRANSACTION_ID_IN_USE = 21
    NOT_AUTHORIZED = 23
    SYSTEM_UNAVAIL = 24
    SYSTEM_FAILURE = 25


WAITING = 3  # of PKIStatus


def _sequence(*fields: tuple[Any, ...]) -> Any:
    return type("Sequence", (core.Sequence,), {"_fields": list(fields)})


def _sequence_of(kind: Any) -> Any:
    return type("SequenceOf", (core.SequenceOf,), {"_child_spec": kind})


def _tagged(tag: int) -> dict[str, Any]:
    return {"explicit": tag, "optional": True}


_OPTIONAL = {"optional": True}
_Anything, _Texts = _sequence_of(core.Any), _sequence_of(core.UTF8String)
_Header = _sequence(
    ("pvno", core.Integer),
    ("sender", core.Any),
    ("recipient", core.Any),
    ("messageTime", core.GeneralizedTime, _tagged(0)),
    ("protectionAlg", core.Any, _tagged(1)),
    ("senderKID", core.OctetString, _tagged(2)),
    ("recipKID", core.OctetString, _tagged(3)),
    ("transactionID", core.OctetString, _tagged(4)),
    ("senderNonce", core.OctetString, _tagged(5)),
    ("recipNonce", core.OctetString, _tagged(6)),
    ("freeText", _Texts, _tagged(7)),
    ("generalInfo", _Anything, _tagged(8)),
)
_Message = _sequence(
    ("header", _Header),
    ("body", core.Any),
    ("protection", core.BitString, _tagged(0)),
    ("extraCerts", _Anything, _tagged(1)),
)
_Status = _sequence(
    ("status", core.Integer),
    ("statusString", _Texts, _OPTIONAL),
    ("failInfo", core.BitString, _OPTIONAL),
)


class _CertOrEncCert(core.Choice):  # type: ignore[misc]  # asn1crypto has no types
    _alternatives = [
        ("certificate", asn1_x509.Certificate, {"explicit": 0}),
        ("encryptedCert", core.Any, {"explicit": 1}),
    ]


_KeyPair = _sequence(
    ("certOrEncCert", _CertOrEncCert),
    ("privateKey", core.Any, _tagged(0)),
    ("publicationInfo", core.Any, _tagged(1)),
)
_Response = _sequence(
    ("certReqId", core.Integer),
    ("status", _Status),
    ("certifiedKeyPair", _KeyPair, _OPTIONAL),
    ("rspInfo", core.OctetString, _OPTIONAL),
)
_Enrolled = _sequence(("caPubs", _Anything, _tagged(1)), ("response", _sequence_of(_Response)))
_Revoked = _sequence(
    ("status", _sequence_of(_Status)),
    ("revCerts", core.Any, _tagged(0)),
    ("crls", core.Any, _tagged(1)),
)
_Failed = _sequence(
    ("pKIStatusInfo", _Status),
    ("errorCode", core.Integer, _OPTIONAL),
    ("errorDetails", _Anything, _OPTIONAL),
)
_Poll = _sequence(("certReqId", core.Integer), ("checkAfter", core.Integer), ("reason", core.Any, _OPTIONAL))
_Polls = _sequence_of(_Poll)


@dataclass(frozen=True, slots=True)
class Message:
    """One PKIMessage, untrusted until OpenSSL has verified its protection.

    status, failures: PKIStatus and the bits of PKIFailureInfo, if any.  check_after: seconds.
    certificate: the issued one; others: further ones (DER).  body: content octets of PKIBody.
    """

    der: bytes
    kind: int
    transaction: bytes | None
    sender_nonce: bytes | None
    recipient_nonce: bytes | None
    body: bytes
    status: int | None
    failures: frozenset[int]
    check_after: int
    certificate: bytes
    others: tuple[bytes, ...]

    @classmethod
    def read(cls, der: bytes) -> Self:
        """Parse a PKIMessage (DER). Raises ValueError."""
        try:
            return cls(der, **_parts(der))
        except UNREADABLE as error:
            raise ValueError(f"no CMP message: {type(error).__name__}") from error

    def answers(self, request: "Message") -> bool:
        """Whether it answers the request: transaction id and nonce agree (RFC 9810 5.1.1)."""
        return (self.transaction, self.recipient_nonce) == (request.transaction, request.sender_nonce)

    @property
    def waits(self) -> bool:
        return self.kind == BodyType.POLLREP or self.status == WAITING


def _parts(der: bytes) -> dict[str, Any]:
    message = _Message.load(der, strict=True)
    header = message["header"]
    # The body by hand: asn1crypto knows no Any with the tag of a choice.
    _class, _method, kind, _head, body, _end = parser.parse(message.contents[len(header.dump()) :])
    status, enrolled = (
        _status(kind, body),
        _Enrolled.load(body) if kind in (BodyType.IP, BodyType.CP) else None,
    )
    given = [message["extraCerts"], enrolled["caPubs"]] if enrolled else []
    return {
        "kind": kind,
        "transaction": header["transactionID"].native,
        "sender_nonce": header["senderNonce"].native,
        "recipient_nonce": header["recipNonce"].native,
        "body": body,
        "status": status["status"].native if status else None,
        "failures": _bits(status["failInfo"].native if status else None),
        "check_after": _Polls.load(body)[0]["checkAfter"].native if kind == BodyType.POLLREP else 0,
        "certificate": _certificate(enrolled) if enrolled else b"",
        "others": tuple(each.dump() for some in given if isinstance(some, _Anything) for each in some),
    }


def _status(kind: int, body: bytes) -> Any:
    match kind:
        case BodyType.IP | BodyType.CP:
            return _Enrolled.load(body)["response"][0]["status"]
        case BodyType.RP:
            return _Revoked.load(body)["status"][0]
        case BodyType.ERROR:
            return _Failed.load(body)["pKIStatusInfo"]
    return None


def _bits(places: tuple[int, ...] | None) -> frozenset[int]:
    return frozenset(place for place, bit in enumerate(places or ()) if bit)


def _certificate(enrolled: Any) -> bytes:
    """The certificate (DER); empty where there is none in plain text."""
    pair = enrolled["response"][0]["certifiedKeyPair"]
    if not isinstance(pair, _KeyPair) or pair["certOrEncCert"].name != "certificate":
        return b""
    return bytes(pair["certOrEncCert"].chosen.untag().dump())
