"""Delivery problems (**It did not arrive**): reported by the owner of a mailed file, decided by an officer.

A bounce report by mail opens the same task and nothing else, because anybody can forge one. Only an officer
opens the guarded download (download.py), and only one who neither entered the person nor made a sign-in code
for them: such an officer could sign in as the person and fetch the file.
"""

import uuid
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import token_messages
from identity_manager.models import (
    DeliveryProblem,
    DeliveryState,
    OutgoingMail,
    Person,
    ProblemKind,
    ProblemOutcome,
    SoftwareToken,
)
from identity_manager.models.mail.delivery_problem import SAID
from identity_manager.models.requests.end_reason import LONGEST_REASON
from identity_manager.people.officers import vouching_policy
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import (
    NO_REASON,
    NotAllowed,
    NotPossible,
    Reason,
    Stale,
    refuse,
    require,
)
from identity_manager.workflow.delivery import own_token
from identity_manager.workflow.policy import eligibility, permitted_actions

MOST_A_DAY = 5  # that one person says
NOT_MAILED = Reason(
    "file-was-not-mailed", _("Only of a file that was mailed, and waits nowhere else, one can say this.")
)
NO_KIND = Reason("no-kind-of-problem", _("Choose what happened."))
SAID_ALREADY = Reason(
    "said-not-to-have-arrived", _("You have said so already. A Software Token Administrator looks at it.")
)
SAID_OFTEN = Reason(
    "said-often-not-to-have-arrived",
    _("You have said this five times within 24 hours. Ask a Software Token Administrator."),
)
ANSWERED = Reason("arrival-answered", _("Somebody has answered this, or the token has ended."))
YOUR_OWN = Reason("own-file-not-arrived", _("This is your own file. Another administrator decides on it."))


def saying_obstacle(token: SoftwareToken) -> Reason | None:
    """Why the owner cannot report now that the token's file did not arrive, or None."""
    mailed = token.delivery == DeliveryState.SENT and permitted_actions.can_be_sent(token)
    return None if mailed else NOT_MAILED


def say(*, actor: Person, token_id: uuid.UUID, kind: str) -> DeliveryProblem:
    """Report that a file did not arrive, by the owner. Raises NotAllowed, NotPossible or Stale."""
    with transaction.atomic():
        token = own_token.locked(actor=actor, token_id=token_id)
        refuse(saying_obstacle(token), kind=Stale)
        require(kind in SAID, else_=NO_KIND, field="kind")
        refuse(SAID_ALREADY if _open_of(token) else None, kind=Stale)
        theirs = DeliveryProblem.objects.filter(token__person=actor).exclude(kind=ProblemKind.CAME_BACK)
        since = timezone.now() - timedelta(days=1)
        refuse(SAID_OFTEN if theirs.filter(opened_at__gt=since).count() >= MOST_A_DAY else None)

        sent = token.mails.exclude(container_format="").filter(sent_at__isnull=False)
        mail = sent.order_by("sent_at").last()
        return _open(token, mail, ProblemKind(kind), actor=actor)


def open_by_report(mail: OutgoingMail, *, detail: str) -> None:
    """Open the officers' task for a locked token whose delivery bounced; open no download."""
    token = mail.token
    if token is None or saying_obstacle(token) is not None or _open_of(token) is not None:
        return
    _open(token, mail, ProblemKind.CAME_BACK, actor=None, detail=detail)


def arrived(*, actor: Person, token_id: uuid.UUID) -> SoftwareToken:
    """Close the owner's report, because the file arrived after all. Raises NotAllowed or Stale."""
    with transaction.atomic():
        token = own_token.locked(actor=actor, token_id=token_id)
        problem = _open_of(token)
        if problem is None:
            raise Stale(ANSWERED)
        end_by_arrival(token)
        return token


def end_by_arrival(token: SoftwareToken) -> None:
    """Close the open problem of a locked token whose owner has the file."""
    _end(token, ProblemOutcome.ARRIVED, actor=token.person)


def end_by_sending(token: SoftwareToken, *, actor: Person) -> None:
    """Close the open problem of a locked token whose file an officer has sent again."""
    if actor.pk != token.person_id:
        _end(token, ProblemOutcome.SENT_AGAIN, actor=actor)


def decision_obstacle(*, actor: Person, problem: DeliveryProblem) -> Reason | None:
    """Why this officer cannot decide on the delivery problem, or None; in SQL: decidable_by of its model."""
    person = problem.token.person
    if not eligibility.administers(actor, person):
        return eligibility.NOT_ADMINISTRATOR
    return YOUR_OWN if actor.pk == person.pk else vouching_policy.obstacle(actor, person)


def open_download(*, actor: Person, problem_id: uuid.UUID) -> None:
    """Let the owner fetch the file in Self-Service, by the rules of the guarded download.

    Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        problem = _decidable(actor, problem_id)
        token = problem.token

        token.delivery = DeliveryState.OFFERED
        token.save()
        _end(token, ProblemOutcome.OPENED, actor=actor)
        outbox.enqueue(token_messages.download_opened(token, problem=problem))
        audit.record(audit.Event.DOWNLOAD_OPENED, actor=actor, subject=token, kind=problem.kind)


def answer(*, actor: Person, problem_id: uuid.UUID, reason: str) -> None:
    """Close the problem with an answer. Raises NotAllowed, Stale, or NotPossible at `reason`."""
    with transaction.atomic():
        problem = _decidable(actor, problem_id)
        require(reason.strip(), else_=NO_REASON, field="reason")

        words = reason.strip()[:LONGEST_REASON]
        _end(problem.token, ProblemOutcome.ANSWERED, actor=actor, reason=words)
        audit.record(audit.Event.ARRIVAL_ANSWERED, actor=actor, subject=problem.token, reason=words)


def _decidable(actor: Person, problem_id: uuid.UUID) -> DeliveryProblem:
    """Lock the token of an open problem that this officer can decide on. Raises NotAllowed or Stale."""
    token = locking.token(DeliveryProblem.objects.values_list("token", flat=True).get(pk=problem_id))
    problem = DeliveryProblem.objects.get(pk=problem_id)
    problem.token = token
    refuse(decision_obstacle(actor=actor, problem=problem), kind=NotAllowed)
    is_open = DeliveryProblem.objects.open().filter(pk=problem_id).exists()
    require(is_open, else_=ANSWERED, kind=Stale)
    refuse(permitted_actions.delivery_obstacle(token), kind=NotPossible)
    return problem


def _open_of(token: SoftwareToken) -> DeliveryProblem | None:
    return DeliveryProblem.objects.filter(token=token, ended_at=None).first()


def _open(
    token: SoftwareToken,
    mail: OutgoingMail | None,
    kind: ProblemKind,
    *,
    actor: Person | None,
    detail: str = "",
) -> DeliveryProblem:
    address = mail.to_address if mail else token.request.delivery_address
    problem = DeliveryProblem.objects.create(
        token=token,
        mail=mail,
        kind=kind,
        domain=address.rpartition("@")[2].lower()[:255],
        detail=detail,
        opened_at=timezone.now(),
    )
    audit.record(audit.Event.FILE_NOT_ARRIVED, actor=actor, subject=token, kind=kind.value)
    return problem


def _end(token: SoftwareToken, outcome: ProblemOutcome, *, actor: Person, reason: str = "") -> None:
    problem = _open_of(token)
    if problem is None:
        return
    problem.end(outcome, by=actor, now=timezone.now(), reason=reason)
    problem.save()
    if outcome == ProblemOutcome.ARRIVED:
        audit.record(audit.Event.FILE_ARRIVED, actor=actor, subject=token)
