"""Signing of certificates for orders: what is refused, and drafts by a throw-away key."""

import functools
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.utils import timezone
from django.utils.translation import gettext as _

from ca_bridge.connectors.embedded import authority, wire
from ca_bridge.connectors.embedded.authority import Authority
from ca_bridge.connectors.embedded.wire import Signer, ValidityPeriod
from ca_bridge.contract import CertificateOrder, Refused
from ca_bridge.errors import CaError

BACKDATING = timedelta(minutes=5)  # for clients whose clocks are slow
MINIMUM_RSA_BITS = 2048


def refusal(ca: Authority, order: CertificateOrder) -> Refused | None:
    """Why nothing is signed for the order, or None."""
    request = _load_request(order.csr)
    if request is None:
        return Refused(_("The request cannot be read."), "no PKCS#10, or its signature is wrong")
    key = request.public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) or (
        isinstance(key, rsa.RSAPublicKey) and key.key_size < MINIMUM_RSA_BITS
    ):
        return Refused(_("This kind of key is not certified here."), type(key).__name__)
    if _period(order, ca.certificate(ca.newest)).end <= timezone.now():
        return Refused(_("The certificate would have ended already."), f"until {order.not_after}")
    return None


def check_end(ca: Authority) -> None:
    """Raises a transient CaError where the issuing CA has expired: orders wait for the next one."""
    ends = ca.certificate(ca.newest).not_valid_after_utc
    if ends <= timezone.now():
        raise CaError("The issuing CA has ended.", f"{ends:%Y-%m-%d}; run manage.py roll_issuing_ca")


def sign(ca: Authority, order: CertificateOrder, signer: Signer) -> x509.Certificate:
    """Sign the certificate of an order that is not refused."""
    return wire.end_entity(
        x509.load_der_x509_csr(order.csr),
        signer=signer,
        period=_period(order, signer.certificate),
        publication=authority.publication(ca.options, signer.issuer),
    )


def draft(ca: Authority, order: CertificateOrder) -> x509.Certificate:
    """Sign a certificate like that of the order, by a throw-away key. Raises CaError."""
    check_end(ca)
    if refused := refusal(ca, order):
        raise CaError(refused.message, refused.detail, permanent=True)
    signer = Signer(ca.certificate(ca.newest), _draft_key(), ca.newest)
    return sign(ca, order, signer)


@functools.cache
def _draft_key() -> rsa.RSAPrivateKey:
    """A throw-away key of this process, so that a draft that leaks is worthless.

    Of the algorithm of the CA's key, so that the draft has the same signature algorithm.
    """
    return rsa.generate_private_key(public_exponent=65537, key_size=MINIMUM_RSA_BITS)


def _period(order: CertificateOrder, ca: x509.Certificate) -> ValidityPeriod:
    """The ordered validity, backdated a little, and never outside the validity of the CA.

    An order that has waited begins when it is signed; a new one begins as its draft said.
    """
    now = timezone.now()
    start = (order.not_before if now < order.not_before + BACKDATING else now) - BACKDATING
    return ValidityPeriod(
        max(start, ca.not_valid_before_utc).replace(microsecond=0),
        min(order.not_after, ca.not_valid_after_utc).replace(microsecond=0),
    )


def _load_request(csr: bytes) -> x509.CertificateSigningRequest | None:
    try:
        request = x509.load_der_x509_csr(csr)
        return request if request.is_signature_valid else None
    except ValueError:
        return None
