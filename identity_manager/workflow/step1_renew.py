"""Step 1, renewal: a token gets a successor while it is valid.

PstmProcRenewSofttoken, PstmSubProcRenewSofttokens and PstmProcSubSubProcRenewSofttoken of Nexus. The
person asks here; an administrator by **Enable**; the expiry check where the type says so (start_by_itself).
"""

import uuid
from collections.abc import Collection, Iterable

from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.models import (
    Person,
    RenewalNotice,
    RequestOrigin,
    RequestState,
    Role,
    SoftwareToken,
    TermsText,
    TokenRequest,
)
from identity_manager.models.catalogue.token_type import offered_types
from identity_manager.models.requests.end_reason import LONGEST_REASON
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import (
    NO_REASON,
    NotAllowed,
    Reason,
    Stale,
    refuse,
    require,
)
from identity_manager.workflow import step4_accept
from identity_manager.workflow.policy import devices, eligibility
from identity_manager.workflow.policy.eligibility import TypeChoice
from identity_manager.workflow.renewal import policy
from identity_manager.workflow.requests import opening

NOT_TO_BE_RENEWED = Reason(
    "not-to-be-renewed",
    _("This token is not to be renewed now."),
    _("This token is not to be renewed now. Look under Certificates."),
)
ANSWERED = Reason("renewal-answered", _("You have answered this already."))


def renew(*, actor: Person, token_id: uuid.UUID, terms_shown: Iterable[uuid.UUID] = ()) -> TokenRequest:
    """Open a renewal of the actor's own token.

    terms_shown: the texts that the page named as accepted before. If they are the versions in force of all
    terms of the type, and no approval is needed, issuance starts at once; else the person accepts the terms.
    Raises NotAllowed, NotPossible with the reason, or Stale if the token has a successor already.
    """
    with transaction.atomic():
        person = locking.person(actor.pk)
        refuse(eligibility.person_obstacle(person))
        self_service = person.has_role(Role.SELF_SERVICE_USER)
        require(self_service, else_=eligibility.NOT_SELF_SERVICE_USER, kind=NotAllowed)
        choice = renewable(person, token_id)

        asking = opening.Origin(person, person, RequestOrigin.SELF_SERVICE)
        prepared = opening.prepare_request(asking, [choice], opening.BatchContext())
        known = devices.without_asking(prepared.lines)
        texts = [] if known is None else _accepted_again(prepared, terms_shown)
        prepared.request.devices = (known or "") if texts else ""
        if texts:
            prepared.mails.clear()  # no invitation: the terms are accepted already
        opening.write_requests([prepared])
        request = locking.request(prepared.request.pk)
        if texts:
            step4_accept.begin(request, locking.lines_of(request), texts)
        return request


def renew_for(*, actor: Person, token_id: uuid.UUID, of_batch: bool = True) -> TokenRequest:
    """Open a renewal of a person's token, by a Software Token Administrator.

    of_batch: part of a batch order, whose approvers get one mail about all.

    Raises NotAllowed, NotPossible with the reason, or Stale where the token has a successor already.
    """
    with transaction.atomic():
        token = locking.token(token_id)
        refuse(eligibility.asking_obstacle(actor, token.person), kind=NotAllowed)
        choice = renewable(token.person, token_id, own=False)

        asking = opening.Origin(actor, token.person, RequestOrigin.ADMINISTRATOR)
        prepared = opening.prepare_request(asking, [choice], opening.BatchContext(of_batch=of_batch))
        opening.write_requests([prepared], by_sweep=of_batch)
        return prepared.request


def renewable(person: Person, token_id: uuid.UUID, *, own: bool = True) -> TypeChoice:
    """Return the choice of a type that renews this token. own: the person asks.

    Raises Stale if the token cannot be renewed, or NotPossible with the reason why not now.
    """
    choices = eligibility.type_choices(person, own=own)
    mine = (each for each in choices if each.renews and each.renews.token_id == token_id)
    choice = next(mine, None)
    if choice is None:
        raise Stale(NOT_TO_BE_RENEWED)
    refuse(choice.reason)
    return choice


def _accepted_again(prepared: opening.PreparedRequest, shown: Iterable[uuid.UUID]) -> list[TermsText]:
    """The terms that the person accepts again by renewing; empty if there is a new version to read."""
    if prepared.request.state != RequestState.AWAITING_ACCEPTANCE:
        return []
    texts = policy.terms_that_stand(prepared.lines)
    return texts if {text.pk for text in texts} == set(shown) else []


def not_needed(*, actor: Person, token_id: uuid.UUID, reason: str) -> RenewalNotice:
    """Record the person's answer that the token is not needed any longer; it ends the renewal reminders.

    The token can still be renewed while it is valid. Raises NotAllowed, Stale, or NotPossible at `reason`.
    """
    with transaction.atomic():
        token = locking.token(token_id)
        require(token.person_id == actor.pk, else_=eligibility.NOT_YOURS, kind=NotAllowed)
        notice = RenewalNotice.objects.unanswered().filter(token=token).first()
        if notice is None:
            raise Stale(ANSWERED)
        require(reason.strip(), else_=NO_REASON, field="reason")

        notice.not_needed_at = timezone.now()
        notice.not_needed_reason = reason.strip()[:LONGEST_REASON]
        notice.save()
        audit.record(
            audit.Event.RENEWAL_NOT_NEEDED, actor=actor, subject=token, reason=notice.not_needed_reason
        )
        return notice


def start_by_itself(tokens: Collection[SoftwareToken], *, origin: RequestOrigin) -> set[uuid.UUID]:
    """Open automatic renewals in the caller's transaction, which has locked the persons; return the tokens.

    One request for each person, with all their tokens, in few statements for all. The person counts as the
    requester, so that they do not approve it. Tokens that cannot be renewed now, or that run out by a
    standing order, are skipped.
    """
    persons = {token.person_id: token.person for token in tokens}
    prefetch_related_objects([*persons.values()], "roles", "identity_changes")
    held, codes = eligibility.held_by(persons), {token.type_code for token in tokens}
    types = [each for each in offered_types() if each.code in codes]
    known = opening.BatchContext(predecessors={token.pk: token for token in tokens})
    opened, started = [], set[uuid.UUID]()
    for person in persons.values():
        offered = eligibility.choices_among(types, person, held.get(person.pk, frozenset()))
        choices = [choice for choice in offered if _renews_one_of(choice, known.predecessors)]
        if choices and eligibility.person_obstacle(person) is None:
            asking = opening.Origin(person, person, origin)
            opened.append(opening.prepare_request(asking, choices, known))
            started |= {choice.renews.token_id for choice in choices if choice.renews}
    opening.write_requests(opened, by_sweep=len(opened) > 1)
    return started


def _renews_one_of(choice: TypeChoice, token_ids: Collection[uuid.UUID]) -> bool:
    renews = choice.renews
    return choice.available and renews is not None and not renews.is_lost and renews.token_id in token_ids
