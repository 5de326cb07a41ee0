"""Acceptance of a later version of terms for tokens that the person already holds, outside any request.

As in step 4: the exact text that the page showed, of the version in force, accepted by the person.
"""

import uuid

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, queue
from identity_manager.models import (
    Person,
    PersonState,
    SoftwareToken,
    TermsAcceptance,
    TermsNotice,
    TermsText,
)
from identity_manager.models.requests.terms_notice import tokens_under
from identity_manager.task_names import ARCHIVE
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, refuse, require
from identity_manager.workflow import step4_accept
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.terms import holds

NOT_ASKED = Reason("not-asked-again", _("These terms do not wait for your acceptance any more."))


def accept(*, actor: Person, notice_id: uuid.UUID, text_id: uuid.UUID) -> TermsAcceptance:
    """Record that the actor accepts exactly this text; reinstate tokens that were on hold for lack of it.

    Raises NotAllowed (not the person), NotPossible (not Active), Stale (no longer asked, or newer terms).
    """
    with transaction.atomic():
        person = locking.person(actor.pk)
        notice = TermsNotice.objects.select_related("document").get(pk=notice_id)
        require(notice.person_id == person.pk, else_=eligibility.NOT_YOURS, kind=NotAllowed)
        refuse(eligibility.NOT_ACTIVE.get(PersonState(person.state)))
        waits = TermsNotice.objects.unanswered().filter(pk=notice_id).exists()
        require(waits, else_=NOT_ASKED, kind=Stale)
        texts = TermsText.objects.filter(version__document=notice.document_id, version__is_current=True)
        text = texts.select_related("version").filter(pk=text_id).first()
        require(text, else_=step4_accept.OTHER_TERMS, kind=Stale)
        assert text is not None  # noqa: S101 required above, said for mypy

        acceptance = TermsAcceptance.objects.create(
            request=None, person=person, text=text, sha256=text.sha256
        )
        holds.release(person, [notice.document_id])
        _record(person, text)
        waiting = tokens_under(notice.document_id).filter(person=person).with_unacknowledged_passphrase()
        for pk in waiting.values_list("pk", flat=True):  # keys that can still be archived
            queue.after_commit(ARCHIVE, pk)
        return acceptance


def _record(person: Person, text: TermsText) -> None:
    """Record one event for each token that the acceptance covers, for its evidence file."""
    document = text.version.document_id
    rows = tokens_under(document).filter(person=person).select_related("request", "token_type")
    tokens: list[SoftwareToken] = list(rows.order_by("pk"))
    audit.append(
        [
            audit.event_about(
                audit.Event.TERMS_ACCEPTED_AGAIN,
                actor=person,
                subject=token,
                number=text.version.number,
                terms=[text.sha256],
            )
            for token in tokens
        ]
    )
