"""Late archive intake: keys of tokens that were sealed before their type archived keys.

The key of a sealed token exists in its containers only. A worker can open them until the passphrase is
acknowledged, and does so if the type archives keys now and the person has accepted terms that name archiving.
The act runs outside any transaction; of two workers the second one settles nothing.
"""

import logging
import uuid
from collections.abc import Iterator

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from ca_bridge.keys import keys
from ca_bridge.pkcs12 import reader
from ca_bridge.pkcs12 import writer as pkcs12
from identity_manager import audit
from identity_manager.catalogue import archiving
from identity_manager.models import (
    ArchivedKey,
    Certificate,
    CertificatePurpose,
    Container,
    NamedArchiving,
    SoftwareToken,
    TermsAcceptance,
    TokenState,
    TokenType,
)
from identity_manager.models.requests.certificate_states import NOT_ENDED
from identity_manager.transactions import locking
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.archive import intake
from identity_manager.workflow.issuance import containers

logger = logging.getLogger(__name__)


def candidates() -> QuerySet[SoftwareToken]:
    """Tokens with an unacknowledged passphrase and a key that may be archived and is not."""
    may_be_archived = Q(profile__purpose=CertificatePurpose.ENCRYPTION) | Q(profile__archive_dual_use=True)
    archived = ArchivedKey.objects.filter(certificate=OuterRef("pk"))
    lacking = Certificate.objects.filter(
        may_be_archived, ~Exists(archived), token=OuterRef("pk"), state__in=NOT_ENDED
    )
    rows = SoftwareToken.objects.with_unacknowledged_passphrase()
    rows = rows.filter(Exists(lacking), state__in=(TokenState.SEALED, TokenState.ON_HOLD))
    return rows.filter(_under_terms_that_say_it())


def _under_terms_that_say_it() -> Q:
    """Condition: the type archives keys now, and the person has accepted terms of it that name archiving."""
    found = Q(pk__in=[])
    for code, terms in TokenType.objects.active().filter(archive_key=True).values_list("code", "terms"):
        accepted = TermsAcceptance.objects.filter(person=OuterRef("person"), text__version__document=terms)
        found |= Q(
            Exists(accepted.exclude(text__version__names_archiving=NamedArchiving.NONE)), type_code=code
        )
    return found


def archive_token(token_id: uuid.UUID) -> bool:
    """Archive the keys of one token; False if there is nothing to do or it is not possible now."""
    token = candidates().select_related("token_type").filter(pk=token_id).first()
    has_rings = vault.holds(vault.Purpose.PASSPHRASES) and vault.holds(vault.Purpose.ARCHIVE)
    if token is None or not has_rings:
        return False
    prepared = intake.seal_for_recovery(list(_keys(token)))
    if prepared.reason is not None:
        logger.warning("The keys of token %s are not archived yet: %s", token.pk, prepared.reason.code)
        return False
    with transaction.atomic():
        locked = locking.token(token_id)
        there = candidates().filter(pk=token_id).exists()
        if not there or not prepared.rows or not intake.is_for_those_in_force(prepared):
            return False
        audit.append(intake.store([(locked, prepared)]))
        return True


def _keys(token: SoftwareToken) -> Iterator[tuple[Certificate, keys.PrivateKey]]:
    """Yield the keys to be archived, read from the token's containers."""
    said = _said_of_archiving(token)
    secret = containers.open_passphrase(token)
    archived = ArchivedKey.objects.filter(certificate__token=token).values("certificate")
    files = Container.objects.filter(token=token).exclude(certificate__in=archived)
    rows = {each.certificate_id: each for each in files.select_related("certificate__profile")}
    for container in rows.values():
        certificate = container.certificate
        certificate.token = token
        if certificate.profile.may_be_archived and archiving.are_named(said, [certificate.profile]):
            yield certificate, _opened(container, secret)


def _opened(container: Container, passphrase: str) -> keys.PrivateKey:
    """Open the container and return its key, which has to match the certificate. Raises ContainerError."""
    (bag,) = (each for each in reader.read(container.content, passphrase) if each.kind == "key")
    key = keys.from_pkcs8(bag.der)
    pkcs12.check(
        container.content,
        passphrase=passphrase,
        certificate=container.certificate.der,
        key_sha256=keys.public_key_sha256(key),
    )
    return key


def _said_of_archiving(token: SoftwareToken) -> str:
    """`names_archiving` of the newest version that the person accepted of the terms of the type in force."""
    terms = TokenType.objects.active().filter(code=token.type_code).values("terms")
    accepted = TermsAcceptance.objects.filter(person=token.person_id, text__version__document__in=terms)
    last = accepted.order_by("-text__version__number").select_related("text__version").first()
    return last.text.version.names_archiving if last else NamedArchiving.NONE
