"""Consent of the owner to a recovery for a third person, asked for if the requester wants it.

Officers decide with or without it. Without it, certificates of a public CA have to be revoked when the third
person gets the keys (S/MIME BR 6.1.2, policy.communicated).
"""

import uuid

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import recovery_messages
from identity_manager.models import OwnerConsent, Person, Recovery, Role
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, refuse, require
from identity_manager.workflow.policy import eligibility

NO_CONSENT_NEEDED = Reason(
    "recovery-consent-not-needed",
    _("The owner gets the keys themselves, so there is nothing to ask them."),
)
OWNER_NOT_TO_BE_ASKED = Reason(
    "recovery-owner-not-to-be-asked",
    _("The owner cannot answer any more: they are not Active, or have no access to Self-Service."),
)
NOT_ASKED = Reason(
    "recovery-consent-not-asked", _("Your answer is not needed any more, or you have given it.")
)


def ask(recovery: Recovery) -> None:
    """Ask the owner of a recovery that was just opened. Raises NotPossible at `ask_owner`."""
    require(recovery.is_for_another, else_=NO_CONSENT_NEEDED, field="ask_owner")
    refuse(obstacle(recovery.owner), field="ask_owner")
    recovery.consent = OwnerConsent.ASKED
    recovery.save()
    outbox.enqueue(recovery_messages.recovery_consent(recovery))


def obstacle(owner: Person) -> Reason | None:
    """Why this owner cannot be asked for consent, or None."""
    can_answer = eligibility.person_obstacle(owner) is None and owner.has_role(Role.SELF_SERVICE_USER)
    return None if can_answer else OWNER_NOT_TO_BE_ASKED


def answer(*, actor: Person, recovery_id: uuid.UUID, agrees: bool) -> Recovery:
    """Record, once, whether the owner agrees. Raises NotAllowed or Stale."""
    with transaction.atomic():
        request = locking.request(Recovery.objects.values_list("request", flat=True).get(pk=recovery_id))
        row = Recovery.objects.select_related("owner").get(pk=recovery_id)
        row.request = request
        require(row.owner_id == actor.pk, else_=eligibility.NOT_YOURS, kind=NotAllowed)
        waits = Recovery.objects.awaiting_owner(actor.pk).filter(pk=recovery_id).exists()
        require(waits, else_=NOT_ASKED, kind=Stale)

        row.consent = OwnerConsent.GIVEN if agrees else OwnerConsent.REFUSED
        row.consent_at = timezone.now()
        row.save(update_fields=["consent", "consent_at"])
        if agrees:
            _record(audit.Event.RECOVERY_CONSENT_GIVEN, actor, row)
        else:
            _record(audit.Event.RECOVERY_CONSENT_REFUSED, actor, row)
        return row


def _record(event: audit.Event, actor: Person, recovery: Recovery) -> None:
    for subject in (recovery.request, recovery.owner):
        audit.record(event, actor=actor, subject=subject, reference=recovery.reference)
