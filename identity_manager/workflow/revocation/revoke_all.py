"""Revocation of all tokens of a person, by the person (**Revoke all softtoken types**) or an administrator.

PstmProcRevokeAllSofttokenTypes of Nexus. Requests under way go on.
"""

import uuid
from collections.abc import Collection

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import RevocationReason
from identity_manager.mail import outbox
from identity_manager.mail.messages import token_messages
from identity_manager.models import Person, SoftwareToken
from identity_manager.models.requests.token_queries import SoftwareTokenQuerySet
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, require
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.revocation import revoke

NOTHING_TO_REVOKE = Reason(
    "nothing-to-revoke",
    _("This person has no certificate that is to be revoked."),
    _("You have no certificate that is to be revoked."),
)


def revoke_all(
    *,
    actor: Person,
    person_id: uuid.UUID,
    reason: RevocationReason,
    encryption: Collection[uuid.UUID] = (),
) -> list[SoftwareToken]:
    """Revoke every token of the person; return those with a revoked certificate.

    encryption: encryption certificates to revoke as well (`Certificate.may_outlive_token`). A token that has
    only encryption certificates, none of them chosen, stays as it is. The decision is final when this
    returns; the CAs follow. The person gets a mail. Raises NotAllowed, or Stale if nothing can be revoked.
    """
    with transaction.atomic():
        person = locking.person(person_id)
        allowed = person.pk == actor.pk or eligibility.administers(actor, person)
        require(allowed, else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed)

        ended = end_each(revocable(person), reason=reason, actor=actor, also=encryption)
        require(ended, else_=NOTHING_TO_REVOKE, kind=Stale)
        outbox.enqueue(token_messages.tokens_revoked(person, tokens=ended, moment=timezone.now()))
        return ended


def revocable(person: Person) -> SoftwareTokenQuerySet[SoftwareToken]:
    """The tokens of the person that can be revoked, in lock order."""
    return (
        SoftwareToken.objects.filter(person=person)
        .revocable()
        .without_recovered()
        .order_by("request_id", "pk")
    )


def end_each(
    rows: SoftwareTokenQuerySet[SoftwareToken],
    *,
    reason: RevocationReason,
    actor: Person,
    also: Collection[uuid.UUID],
) -> list[SoftwareToken]:
    """Lock and revoke these tokens, in lock order; return those with a revoked certificate.

    also: encryption certificates to revoke as well.
    """
    tokens = map(locking.token, list(rows.values_list("pk", flat=True)))
    return [token for token in tokens if _end(token, reason=reason, actor=actor, also=also)]


def _end(
    token: SoftwareToken, *, reason: RevocationReason, actor: Person, also: Collection[uuid.UUID]
) -> bool:
    """Revoke the locked token without the encryption certificates that stay; False if it has no others."""
    rows = locking.certificates_of(token)
    kept = revoke.kept_certificates(rows, also)
    if kept and not revoke.ends_something(rows, kept):
        return False
    revoke.end_token(token, reason=reason, actor=actor, keep=kept, rows=rows)
    return True
