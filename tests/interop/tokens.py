"""Tokens as people get them: asked for, approved, accepted, issued, mailed, the passphrase shown.

The verbs of the road make them, with the demo's catalogue and the embedded CA; afterwards the database is as
it was before, and what is left is what a person has: files out of mails, and a passphrase.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.core import mail
from django.db import transaction
from django.test import override_settings

from ca_bridge.connection import registry
from ca_bridge.contract import KeyAlgorithm
from identity_manager.catalogue import profiles, types
from identity_manager.catalogue.presets import PRESETS
from identity_manager.demo import catalogue
from identity_manager.models import CertificateProfile, Person, Role, SoftwareToken, TokenType
from identity_manager.workflow.delivery import resending
from tests.tools import cast

KINDS = tuple(catalogue.TYPES)
ALGORITHMS = tuple(algorithm.value for algorithm in KeyAlgorithm)
FORMATS = ("standard", "compatible", "fips")


@dataclass(frozen=True)
class TokenFile:
    """A container as it was attached, and the certificate (DER) whose key it should hold."""

    format: str
    name: str
    content: bytes
    certificate: bytes

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return pem(self.certificate)


@dataclass(frozen=True)
class DeliveredToken:
    """What a person has: the passphrase, one file per certificate and format; and the CA's chain (DER)."""

    kind: str
    algorithm: str
    passphrase: str
    files: tuple[TokenFile, ...]
    issuer: bytes
    root: bytes

    def in_format(self, container_format: str) -> tuple[TokenFile, ...]:
        """The files of one format, in the order of the type's profiles."""
        return tuple(file for file in self.files if file.format == container_format)

    @property
    def file(self) -> TokenFile:
        """The standard file of the first certificate."""
        return self.in_format("standard")[0]


def pem(der: bytes) -> bytes:
    """A certificate as PEM."""
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside has never been, for the database."""
    block = transaction.atomic()
    block._from_testcase = True  # as Django's TestCase does, so that durable blocks may stand inside
    with block:
        yield
        transaction.set_rollback(True)


def deliver(kinds: tuple[str, ...], algorithm: str, person: Person) -> dict[str, DeliveredToken]:
    """One request of the person for these types of the demo, with keys of the algorithm; each format mailed.

    In the caller's transaction.
    """
    ada, paul = (cast.person(name) for name in ("ada", "paul"))
    chosen = [_type(kind, algorithm) for kind in kinds]
    request = cast.enabled(ada, person, *chosen)
    if request.state == "requested":
        request = cast.approved(paul, request)
    with override_settings(CONTAINER_FIPS=True):
        request = cast.issued(cast.accepted(request))
        for token in request.tokens.all():
            for each in FORMATS[1:]:
                resending.send_again(actor=person, token_id=token.pk, container_format=each)
    before = len(mail.outbox)
    cast.delivered(request)
    attached = {name: content for each in mail.outbox[before:] for name, content, _type in each.attachments}
    return {token.token_type.code: _delivered(token, attached) for token in request.tokens.all()}


def _delivered(token: SoftwareToken, attached: dict[str, bytes]) -> DeliveredToken:
    issuer, root = registry.connector("corporate").chain()
    files = tuple(
        TokenFile(row.format, row.file_name, attached[row.file_name], row.certificate.der)
        for row in token.containers.select_related("certificate").order_by("certificate__position", "format")
    )
    secret = cast.shown(token)
    return DeliveredToken(token.token_type.code, token.token_type.key_algorithm, secret, files, issuer, root)


def _type(kind: str, algorithm: str) -> TokenType:
    """The demo's type; in a next version of it, where the keys are to be of another kind."""
    officer = Person.objects.filter(personnel_number="P-syd").first() or cast.person(
        "syd", roles=(Role.SYSTEM_ADMINISTRATOR,)
    )
    catalogue.load(actor=officer)
    row = TokenType.objects.active().get(code=kind)
    if row.key_algorithm == algorithm:
        return row
    _names, fields = catalogue.TYPES[kind]
    texts = {"name": row.name, "description": row.description}
    values = {
        "terms": row.terms,
        **fields,
        **texts,
        "archive_key": row.archive_key,
        "key_algorithm": algorithm,
    }
    pinned = [_for_keys(profile, algorithm, officer) for profile in row.ordered_profiles()]
    draft = types.add_type_version(actor=officer, code=kind, values=values, profiles=pinned)
    return types.activate_type(actor=officer, type_id=draft.pk, four_eyes=False)


def _for_keys(profile: CertificateProfile, algorithm: str, officer: Person) -> CertificateProfile:
    """RFC 5480 3: an EC key that decrypts agrees on keys, where an RSA key enciphers them."""
    if algorithm.startswith("rsa") or "keyEncipherment" not in profile.key_usage:
        return profile
    code = f"{profile.code}-ec"
    found = CertificateProfile.objects.active().filter(code=code).first()
    if found is not None:
        return found
    values = {**PRESETS["encryption-ec"].values, "subject": catalogue.SUBJECT}
    values |= {"ca": profile.ca, "ca_profile": profile.ca_profile}
    draft = profiles.add_profile_version(actor=officer, code=code, values=values)
    return profiles.activate_profile(actor=officer, profile_id=draft.pk, four_eyes=False)
