"""Requests to step-ca and its answers: single-use tokens (JWT), JSON."""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from django.utils import timezone
from django.utils.translation import gettext as _
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from ca_bridge.connection.http import secret
from ca_bridge.connection.reply import SAID, Reply
from ca_bridge.connectors.step_ca.options import StepCaOptions
from ca_bridge.contract import CertificateOrder, RevocationReason
from ca_bridge.errors import CaError
from ca_bridge.x509 import der

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
SIGN, REVOKE = "/1.0/sign", "/1.0/revoke"
TOKEN_LIFE = timedelta(minutes=5)
Provisioner = dict[str, Any]
_THUMBED = {"crv", "e", "kty", "n", "x", "y"}
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


def token(options: StepCaOptions, provisioner: str, path: str, subject: str, sans: Sequence[str] = ()) -> str:
    """A single-use token (JWT) for one call. Raises a transient CaError for a key that does not fit.

    Without `iat`: a CA that has just started refuses tokens from before its start.
    """
    now = timezone.now()
    fragment = f"#x5c/{provisioner}" if options.certificate_file else ""
    claims = {
        "iss": provisioner,
        "aud": f"{options.audience or options.url}{path}{fragment}",
        "sub": subject,
        "sans": list(sans),
        "nbf": now,
        "exp": now + TOKEN_LIFE,
        "jti": str(uuid4()),
    }
    try:
        key = _key(options)
        algorithm, headers = _algorithm(key), _headers(options, key)
        return jwt.encode(claims, key, algorithm=algorithm, headers=headers)
    except (OSError, TypeError, ValueError, jwt.PyJWTError) as error:
        message = _("The credentials for the certificate authority cannot be used.")
        raise CaError(message, f"{type(error).__name__}: {error}"[:300]) from error


def _key(options: StepCaOptions) -> Key:
    """The private key, read anew each time, so that it can be changed without a restart."""
    passphrase = secret(options.key_passphrase_file).encode() if options.key_passphrase_file else None
    key = load_pem_private_key(Path(options.key_file).read_bytes(), passphrase)
    known = not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name in _CURVES
    if not isinstance(key, Key) or not known:
        raise TypeError("the key must be RSA, or on P-256, P-384 or P-521")
    return key


def _algorithm(key: Key) -> str:
    return "RS256" if isinstance(key, rsa.RSAPrivateKey) else _CURVES[key.curve.name]


def _headers(options: StepCaOptions, key: Key) -> dict[str, Any]:
    if not options.certificate_file:
        return {"kid": options.key_id or thumbprint(key.public_key())}
    found = x509.load_pem_x509_certificates(Path(options.certificate_file).read_bytes())
    return {"x5c": [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in found]}


def thumbprint(public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    """The JWK thumbprint of a key (RFC 7638)."""
    kind: Any = RSAAlgorithm if isinstance(public, rsa.RSAPublicKey) else ECAlgorithm
    jwk = kind.to_jwk(public, as_dict=True)
    needed = {name: jwk[name] for name in sorted(_THUMBED & set(jwk))}
    digest = hashlib.sha256(json.dumps(needed, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def sign_request(options: StepCaOptions, order: CertificateOrder) -> dict[str, str]:
    """The body of a signing request with the end of the order. The template of the CA decides on all else."""
    names = [value for kind, value in order.content.subject_alt_names if kind in ("email", "uri")]
    # Without a common name the CA does not compare the token's subject, which is mandatory all the same.
    subject = dict(order.content.subject).get("commonName") or order.idempotency_key
    return {
        "csr": order.csr_pem,
        "ott": token(options, order.ca_profile, SIGN, subject, names),
        "notAfter": f"{order.not_after.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }


def revoke_request(options: StepCaOptions, certificate: bytes, reason: RevocationReason) -> dict[str, Any]:
    serial = str(x509.load_der_x509_certificate(certificate).serial_number)
    return {
        "serial": serial,
        "ott": token(options, options.provisioner, REVOKE, serial),
        "reasonCode": reason.number,
        "reason": reason.value,
        "passive": True,  # the only kind that step-ca knows
    }


def probe(options: StepCaOptions) -> dict[str, str]:
    """The body of a request with another name than the token, so that it is refused in any case."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test of the connection")])
    key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder(name).sign(key, hashes.SHA256())
    ott = token(options, options.provisioner, SIGN, "no certificate is to be issued")
    return {"csr": csr.public_bytes(Encoding.PEM).decode(), "ott": ott}


def certificates(reply: Reply) -> list[bytes]:
    """The certificate and its issuers, nearest first (DER)."""
    found = reply.fields()
    with reply.reading("certificates in certChain"):
        return [der.of_pem(each) for each in found.get("certChain") or (found["crt"], found["ca"])]


def provisioners(reply: Reply) -> tuple[list[Provisioner], str]:
    """The provisioners of one page, and the cursor of the next."""
    found = reply.fields()
    with reply.reading("list of provisioners"):
        return [each | {"name": str(each["name"])} for each in found["provisioners"]], str(
            found.get("nextCursor") or ""
        )


def takes(options: StepCaOptions, provisioner: Provisioner) -> bool:
    """Whether a provisioner may accept our tokens: X5C by its roots, JWK by its key."""
    if options.certificate_file:
        return provisioner.get("type") == "X5C"
    key = provisioner.get("key")
    return provisioner.get("type") == "JWK" and isinstance(key, dict) and key.get("kid") == _key_id(options)


def _key_id(options: StepCaOptions) -> str:
    """The key id of our tokens. Raises CaError for a key that cannot be used."""
    header = jwt.get_unverified_header(token(options, options.provisioner, SIGN, "no certificate"))
    return str(header.get("kid"))


def said(reply: Reply) -> str:
    """The field `message` of the answer, for operators."""
    found = reply.fields_if_any()
    return f"HTTP {reply.status}: {found['message']}"[:SAID] if "message" in found else reply.said()
