"""**Revoke by public key**: revocation of every certificate with one public key, at all CAs.

For a key that may be compromised (RFC 5280 5.3.1, keyCompromise) or must not be used any more. A token with
such a certificate is revoked as by **Revoke**, because its file holds all its keys. After keyCompromise the
key is blocked: nothing is issued or imported for it. No four eyes, as for the revocation of a token.
"""

import hashlib
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge import issuing
from ca_bridge.contract import RevocationReason
from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import token_messages
from identity_manager.models import (
    BlockedKey,
    CaFinding,
    Certificate,
    CertificateState,
    FindingKind,
    FindingState,
    Person,
    Role,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.models.requests.states import BEFORE_ISSUED
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NO_REASON, NotAllowed, Reason, Stale, require
from identity_manager.workflow.issuance import ca_findings
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.requests import cancellation
from identity_manager.workflow.revocation import revoke, revoke_all

NOTHING_WITH_KEY = Reason(
    "nothing-with-key", _("No certificate with this key is left that you could revoke.")
)
KEY_CHANGED = Reason(
    "key-changed", _("What has this key has changed since the page was shown. Look at the list again.")
)
COMPROMISED = RevocationReason.KEY_COMPROMISE
NOT_HANDED_OUT = (TokenState.CANCELLED, TokenState.LAPSED)
SECRETS = ("private_key_wrapped", "certificate", "token__passphrase_wrapped", "token__snapshot")


@dataclass(frozen=True)
class KeyUse:
    """The uses of a key within an administrator's units.

    certificates: of persons whom they administer, in any state.  findings: open ones of CA comparisons.
    elsewhere: number of revocable certificates of persons of other units.
    """

    public_key: str
    certificates: Sequence[Certificate]
    findings: Sequence[CaFinding]
    elsewhere: int
    block: BlockedKey | None

    @property
    def tokens(self) -> list[SoftwareToken]:
        """The tokens that would be revoked, in lock order."""
        tokens = {row.token_id: row.token for row in self.certificates if row.is_revocable}
        found = [token for token in tokens.values() if token.is_revocable]
        return sorted(found, key=lambda token: (token.person_id, token.request_id, token.pk))

    @property
    def requests(self) -> list[TokenRequest]:
        """Requests under way with a certificate for this key, which a compromise cancels.

        It is ordered, or issued in a token that is not sealed yet.
        """
        found = [
            row.token.request
            for row in self.certificates
            if row.state == CertificateState.ORDERED
            or (row.is_revocable and row.token.state == TokenState.ISSUING)
        ]
        return [request for request in dict.fromkeys(found) if request.state in BEFORE_ISSUED]

    @property
    def left_over(self) -> list[Certificate]:
        """Certificates of tokens that ended before they were handed out, not revoked by their CA yet."""
        return [row for row in self.certificates if row.is_revocable and row.token.state in NOT_HANDED_OUT]

    @property
    def parents(self) -> list[tuple[uuid.UUID, uuid.UUID]]:
        """Person and request of whatever may be ended, in lock order."""
        rows = [row for row in self.certificates if row.is_revocable or row.state == CertificateState.ORDERED]
        return sorted({(row.token.person_id, row.token.request_id) for row in rows})

    @property
    def digest(self) -> str:
        """Digest of the list that an administrator has seen, to detect a stale page."""
        rows = [
            f"{row.pk} {row.state} {row.revocation_decided_at} {row.token.state}" for row in self.certificates
        ]
        rows += [f"{row.pk} {row.state}" for row in self.findings]
        return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()


def use_of(*, actor: Person, public_key: str) -> KeyUse:
    """Find the uses of a key. public_key: SHA-256 of its SubjectPublicKeyInfo, in hexadecimal."""
    found = Certificate.objects.of_public_key(public_key).select_related(
        "profile", "imported", "token__token_type", "token__request", "token__person"
    )
    rows = list(found.defer(*SECRETS).order_by("created_at", "pk"))
    mine = [row for row in rows if eligibility.administers(actor, row.token.person)]
    return KeyUse(
        public_key=public_key,
        certificates=mine,
        findings=[row for row in _findings(public_key) if ca_findings.administers(actor=actor, finding=row)],
        elsewhere=sum(row.is_revocable for row in rows if row not in mine),
        block=BlockedKey.objects.filter(pk=public_key).first(),
    )


def _findings(public_key: str) -> Iterable[CaFinding]:
    """Open findings of this key, by parsing their certificates, which are few."""
    rows = CaFinding.objects.filter(state=FindingState.OPEN, kind=FindingKind.UNKNOWN)
    for row in rows.select_related("comparison", "token_certificate__token__person").exclude(certificate=b""):
        if issuing.describe(row.certificate).public_key_sha256.hex() == public_key:
            yield row


def revoke_by_public_key(
    *,
    actor: Person,
    public_key: str,
    seen: str,
    reason: RevocationReason,
    note: str,
    encryption: Collection[uuid.UUID] = (),
) -> KeyUse:
    """Revoke the uses of a key that the administrator has seen (`KeyUse.digest`); return them.

    encryption: encryption certificates to revoke as well. The decision is final when this returns; the CAs
    follow. Each person gets a mail. Raises NotAllowed, NotPossible, or Stale if the list has changed or there
    is nothing to do.
    """
    with transaction.atomic():
        administers = actor.is_active and actor.has_role(Role.TOKEN_ADMINISTRATOR)
        require(administers, else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed)
        use = _locked_use(actor=actor, public_key=public_key, seen=seen)
        require(note.strip(), else_=NO_REASON, field="note")

        tokens = use.tokens
        rows = SoftwareToken.objects.filter(pk__in=[token.pk for token in tokens])
        rows = rows.order_by("person_id", "request_id", "pk")
        ended = revoke_all.end_each(rows, reason=reason, actor=actor, also=encryption)
        findings = [ca_findings.revoke(actor=actor, finding_id=row.pk) for row in use.findings]
        blocked = reason == COMPROMISED and _block(use, actor=actor, note=note.strip())
        if not ended and not findings and not blocked:
            require(not tokens, else_=revoke.ONLY_ENCRYPTION, field="encryption")
            raise Stale(NOTHING_WITH_KEY)
        _tell_persons(ended)
        audit.record(
            audit.Event.REVOKED_BY_PUBLIC_KEY,
            actor=actor,
            subject=None,
            public_key=public_key,
            reason=reason.value,
            note=note.strip(),
            tokens=len(ended),
        )
        return use


def _locked_use(*, actor: Person, public_key: str, seen: str) -> KeyUse:
    """The uses of the key, with their persons and requests locked. Raises Stale unless they are as seen."""
    parents = use_of(actor=actor, public_key=public_key).parents
    for _person, request_id in parents:
        locking.request(request_id)  # no worker settles or seals meanwhile what is read next
    use = use_of(actor=actor, public_key=public_key)
    require(seen == use.digest and use.parents == parents, else_=KEY_CHANGED, kind=Stale)
    return use


def _block(use: KeyUse, *, actor: Person, note: str) -> bool:
    """Block the key, cancel what is being issued for it, revoke what is left over; whether anything changed.

    A key without a certificate in the administrator's units is blocked only by an administrator of all units.
    """
    if not use.certificates and not eligibility.administers_everywhere(actor):
        return False
    for known in use.requests:
        request = locking.request(known.pk)
        cancellation.end_request(request, actor=actor, reason=note, revocation=COMPROMISED)
        cancellation.tell_of_cancellation(request, by=actor)
    for row in use.left_over:
        revoke.decide(locking.certificate(row.pk), reason=COMPROMISED, actor=actor)
    values = {"blocked_by": actor, "note": note}
    _row, is_new = BlockedKey.objects.get_or_create(pk=use.public_key, defaults=values)
    if is_new:
        audit.record(audit.Event.KEY_BLOCKED, actor=actor, subject=None, public_key=use.public_key)
    return is_new or bool(use.requests or use.left_over)


def _tell_persons(ended: Iterable[SoftwareToken]) -> None:
    by_person: dict[Person, list[SoftwareToken]] = {}
    for token in ended:
        by_person.setdefault(token.person, []).append(token)
    now = timezone.now()
    outbox.enqueue_each(
        token_messages.tokens_revoked(person, tokens=tokens, moment=now)
        for person, tokens in by_person.items()
    )
