"""Settings of configuration profiles for Apple devices: signer, and mail servers of the account in them."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.core.exceptions import ImproperlyConfigured

from ca_bridge.pkcs12.apple_profile import MailServer, Signer
from identity_manager.config import env

CERTIFICATE, KEY = "PROFILE_SIGNING_CERTIFICATE_FILE", "PROFILE_SIGNING_KEY"


def named_signer() -> Signer | None:
    """The signer of profiles from the environment, or None."""
    return signer(
        env.certificates_in("PROFILE_SIGNING_CERTIFICATE_FILE", ""),
        key=env.text("PROFILE_SIGNING_KEY", ""),
        passphrase=env.text("PROFILE_SIGNING_KEY_PASSPHRASE", ""),
    )


def named_mail_servers() -> tuple[MailServer, MailServer] | None:
    """The servers of the mail account in profiles from the environment, or None."""
    return mail_servers(incoming=env.text("APPLE_MAIL_IMAP", ""), outgoing=env.text("APPLE_MAIL_SMTP", ""))


def signer(certificates: Sequence[bytes], *, key: str, passphrase: str) -> Signer | None:
    """The signer of profiles; None without certificates. Raises ImproperlyConfigured, without the key."""
    if not certificates and not key:
        return None
    if not certificates or not key:
        raise ImproperlyConfigured(f"{CERTIFICATE} and {KEY} go together: one of them is missing.")
    chain = [x509.load_der_x509_certificate(each) for each in certificates]
    try:
        private_key = load_pem_private_key(key.encode(), passphrase.encode() or None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ImproperlyConfigured(f"{KEY} is no private key in PEM that {KEY}_PASSPHRASE opens.") from None
    if not isinstance(private_key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ImproperlyConfigured(f"{KEY} must be an RSA or EC key.")
    if private_key.public_key() != chain[0].public_key():
        raise ImproperlyConfigured(f"{KEY} is not the key of the first certificate in {CERTIFICATE}.")
    return Signer(private_key, chain)


def mail_servers(*, incoming: str, outgoing: str) -> tuple[MailServer, MailServer] | None:
    """Parse the IMAP and the SMTP server, `host:port` each; None if both are empty."""
    if not incoming and not outgoing:
        return None
    return _server("APPLE_MAIL_IMAP", incoming), _server("APPLE_MAIL_SMTP", outgoing)


def _server(name: str, value: str) -> MailServer:
    try:
        parts = urlsplit(f"//{value}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.netloc != value or "@" in value:
        raise ImproperlyConfigured(f"{name} must be a host and a port, such as mail.your-domain:993.")
    return MailServer(host, port)
