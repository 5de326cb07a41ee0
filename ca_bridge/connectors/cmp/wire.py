"""Arguments of `openssl cmp` for enrolments, and results from its answers."""

import base64
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils import timezone

from ca_bridge.connectors.cmp.conversation import Talk, Task
from ca_bridge.connectors.cmp.messages import BodyType, FailureBit, Message
from ca_bridge.connectors.cmp.options import CmpOptions
from ca_bridge.contract import CertificateOrder, Issued, RevocationReason
from ca_bridge.x509 import der

CREDENTIALS = {
    FailureBit.BAD_MESSAGE_CHECK,
    FailureBit.WRONG_INTEGRITY,
    FailureBit.SIGNER_NOT_TRUSTED,
    FailureBit.NOT_AUTHORIZED,
}
PASSING = {
    FailureBit.BAD_TIME,
    FailureBit.TIME_NOT_AVAILABLE,
    FailureBit.TRANSACTION_ID_IN_USE,
    FailureBit.SYSTEM_UNAVAIL,
}


def enrolment(order: CertificateOrder, options: CmpOptions) -> Task:
    """The task of an enrolment: the CSR itself (p10cr), or a template with raVerified."""
    arguments = ["-cmd", options.command, "-csr", "csr", "-certout", "issued"]
    if options.command != "p10cr":
        days = (order.not_after - timezone.now()).days
        arguments += ["-popo", "0", *(["-days", str(days)] if days > 0 else [])]
    if options.profile_in_header:
        arguments += ["-profile", order.ca_profile]
    return Task(tuple(arguments), {"csr": order.csr})


def revocation(certificate: bytes, reason: RevocationReason) -> Task:
    pem = x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)
    arguments = ("-cmd", "rr", "-oldcert", "certificate", "-revreason", str(reason.number))
    return Task(arguments, {"certificate": pem})


INQUIRY = Task(("-cmd", "genm"), {})  # what the server knows (RFC 9810 5.3.19)


def path(options: CmpOptions, profile: str) -> str:
    return options.path.replace("{profile}", quote(profile, safe=""))


def handle_of(talk: Talk) -> str:
    """The handle by which a later poll goes on with the transaction."""
    return " ".join(base64.b64encode(each.der).decode() for each in talk.answers)


def answers_of(handle: str) -> tuple[Message, ...]:
    return tuple(Message.read(base64.b64decode(each)) for each in handle.split())


def issued(talk: Talk) -> Issued:
    """The issued certificate, unchecked, and its issuers, nearest first."""
    message = next(each for each in talk.answers if each.kind in (BodyType.IP, BodyType.CP))
    with talk.reply.reading("certificate that can be read"):
        certificate, *others = map(x509.load_der_x509_certificate, (message.certificate, *message.others))
        return Issued(certificate.public_bytes(Encoding.DER), der.chain_of(certificate, others))
