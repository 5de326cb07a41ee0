"""What people and the office do, so that whoever comes after a crash can go on where it stopped.

act() does the next thing that is to be done, by what stands in the database: somebody whose click was lost
clicks again.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine
from allauth.mfa.models import Authenticator
from django.utils import timezone

from ca_bridge.connection import registry
from ca_bridge.contract import RevocationReason
from ca_bridge.models import CaOrder
from ca_bridge.pkcs12 import writer as pkcs12
from identity_manager.audit import sealing
from identity_manager.jobs import runner as jobs
from identity_manager.models import (
    ApprovalPolicy,
    ArchivedKey,
    AuditEvent,
    BatchKind,
    BatchOrder,
    BatchSource,
    Certificate,
    ChosenAs,
    OutgoingMail,
    Person,
    Recovery,
    RenewalPolicy,
    ReplacementCause,
    SoftwareToken,
    SubmittedShare,
    TermsAcceptance,
    TokenRequest,
    TokenType,
)
from identity_manager.models.lease import BACKLOG_AFTER
from identity_manager.workflow import step1_recover, step1_replace, step6_passphrase
from identity_manager.workflow.archive import share_rounds
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch import placing
from identity_manager.workflow.issuance import retry
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.recovery import decisions, sealed_decisions
from identity_manager.workflow.requests import cancellation
from identity_manager.workflow.revocation import hold, revoke
from identity_manager.workflow.step1_replace import ReplacementOrder
from tests.identity_manager.workflow.worker import works
from tests.kill_points.outside import Broker, ForgetfulAsked, Journal
from tests.tools import cast, recovery

LEASE_IS_OVER = timedelta(seconds=301)
MOST_ROUNDS = 60


class Clock:
    """The time of the walk: moved on, and still so in the next process."""

    def __init__(self, directory: Path) -> None:
        self._moves = Journal(directory / "clock")
        self._traveller: time_machine.Coordinates | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        now = datetime.now(UTC) + timedelta(seconds=sum(float(move) for (move,) in self._moves.read()))
        with time_machine.travel(now) as self._traveller:
            yield

    def advance(self, step: timedelta) -> None:
        assert self._traveller is not None
        self._moves.append(str(step.total_seconds()))
        self._traveller.shift(step)


@dataclass(frozen=True)
class Walk:
    """prepare: what has happened before. act: the next thing to do, False where there is none.

    ca: the connector's class in outside.py, empty for the embedded CA; unknown: what is done where nobody
    knows whether it has issued; loses: how many of its first answers are lost; jobs: what the beat starts.
    """

    name: str
    prepare: Callable[[], None]
    act: Callable[[Clock], bool]
    ca: str = ""
    loses: int = 0
    unknown: str = registry.SEARCH
    jobs: tuple[str, ...] = ("queue.sweep",)


def go(
    walk: Walk, clock: Clock, broker: Broker, *, patience: int, between: Callable[[], None] = lambda: None
) -> None:
    """Work, and let people act, until nothing has moved for so many turns of the beat.

    between: called where another process could go on, and would be none the wiser.
    """
    turns = 0
    for _round in range(MOST_ROUNDS):
        if turns == 0:
            between()
        if broker.work() or walk.act(clock):
            turns = 0
            continue
        if turns == patience:
            return
        turns += 1
        clock.advance(LEASE_IS_OVER)
        beat(walk.jobs)
    raise AssertionError(f"After {MOST_ROUNDS} rounds there is something to do still.")


def beat(names: tuple[str, ...]) -> None:
    """What the beat starts: these jobs, and the sealer."""
    for name in names:
        jobs.run(run_id=jobs.row_of(name).pk)
    sealing.seal()


# --- What has happened before
def nothing_yet() -> None:
    cast.Company()
    pair()


def nothing_to_archive_yet() -> None:
    """As nothing_yet, and the key of the encryption certificate is archived."""
    recovery.in_force(recovery.officers())
    cast.profile("encryption", purpose="encryption", key_usage=["keyAgreement"])
    recovery.archiving_type("pair", profiles=("signing", "encryption"), approval=ApprovalPolicy.ALWAYS)
    nothing_yet()


def many() -> None:
    nothing_yet()
    for number in range(5):
        cast.person(f"one{number}", sid="", roles=())


def several_in_use() -> None:
    """Three persons with a token each."""
    company = cast.Company()
    for number in range(3):
        person = cast.person(f"one{number}", sid="", roles=())
        request = cast.issued(cast.accepted(cast.enabled(company.ada, person, company.vpn)))
        cast.noted(cast.delivered(request).tokens.get())
    works()


def invited() -> None:
    company = cast.Company()
    cast.approved(company.paul, cast.asked(company.uma, pair()))
    works()


def invited_to_one() -> None:
    company = cast.Company()
    cast.enabled(company.ada, company.uma, company.vpn)
    works()


def several_invited() -> None:
    """Three persons who have not accepted yet."""
    company = cast.Company()
    for number in range(3):
        cast.enabled(company.ada, cast.person(f"one{number}", sid="", roles=()), company.vpn)
    works()


def delivered() -> None:
    company = cast.Company()
    cast.delivered(cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, company.vpn))))
    works()


def in_use() -> None:
    delivered()
    cast.noted(SoftwareToken.objects.get())
    works()


def in_use_and_renewed_by_itself() -> None:
    in_use()
    TokenType.objects.update(renewal_policy=RenewalPolicy.AUTOMATIC)


def archived() -> None:
    """uma has a token whose key is archived for an online recovery key, and an old second factor."""
    company = cast.Company()
    recovery.online_in_force(recovery.officers())
    recovery.archived_key(company)
    recovery.factor_of(company.uma)
    works()


def archived_for_officers() -> None:
    """uma has a token whose key is archived for a recovery key that is split among officers."""
    company = cast.Company()
    share_rounds.publish_keys()
    recovery.in_force(recovery.officers())
    recovery.archived_key(company)
    works()


def pair() -> TokenType:
    """A type of two certificates that an approver wants to see."""
    return cast.token_type("pair", profiles=("signing", "encryption"), approval=ApprovalPolicy.ALWAYS)


def who(name: str) -> Person:
    return Person.objects.get(personnel_number=f"P-{name}")


# --- The next thing to do
def from_asking_to_noting(_clock: Clock) -> bool:
    """Steps 1 to 7, by the option."""
    request = TokenRequest.objects.first()
    if request is None:
        cast.asked(who("uma"), pair())
    elif request.state == "requested" and has_mail(request, "approval_needed"):
        cast.approved(who("paul"), request)
    elif request.state == "awaiting_acceptance" and has_mail(request, "information"):
        cast.accepted(request)
    else:
        return _note(request.tokens.get())
    return True


def has_mail(request: TokenRequest, message: str) -> bool:
    """Whether everybody who is to be told has been: people come to the portal because of a mail."""
    return not request.mails.filter(message=message).exclude(state="sent").exists()


def _note(token: SoftwareToken) -> bool:
    """Show the passphrase, open the files with it, and confirm."""
    if token.passphrase_wrapped is None:
        return False
    secret = cast.shown(token)
    for container in token.containers.filter(format="standard"):
        pkcs12.check(
            container.content,
            passphrase=secret,
            certificate=container.certificate.der,
            key_sha256=bytes.fromhex(container.certificate.public_key_sha256),
        )
    step6_passphrase.acknowledge(actor=token.person, token_id=token.pk)
    return True


def from_accepting_to_the_mail(_clock: Clock) -> bool:
    """Steps 4 to 7, of which the worker does most."""
    request = TokenRequest.objects.get()
    if request.state != "awaiting_acceptance":
        return False
    cast.accepted(request)
    return True


def accept_before_anything_is_issued(clock: Clock) -> bool:
    """So that the worker finds tokens that have waited, and takes them as a group."""
    waiting = TokenRequest.objects.filter(state="awaiting_acceptance").order_by("pk")
    for request in waiting:
        cast.accepted(request)
        clock.advance(2 * BACKLOG_AFTER)
    return bool(waiting)


def recover_and_note(_clock: Clock) -> bool:
    """The owner asks for a recovery, then notes the passphrase and opens the files with it."""
    request, uma = TokenRequest.objects.filter(kind="recovery").first(), who("uma")
    if request is not None:
        return _note(request.tokens.get())
    factor = Authenticator.objects.get(user__person=uma)
    keys = [choice.key.pk for choice in step1_recover.choices(uma)]
    step1_recover.recover(actor=uma, key_ids=keys, purpose="I have forgotten it.", factor=factor.pk)
    return True


def replace_and_recover(_clock: Clock) -> bool:
    """The device is stolen: the owner replaces all, has the old key recovered, and notes both passphrases.

    Once they have clicked, no old token counts any more, whoever dies.
    """
    new, uma = TokenRequest.objects.filter(kind="replacement").first(), who("uma")
    if new is None:
        keys = Certificate.objects.may_outlive_token().values_list("pk", flat=True)
        texts = TermsAcceptance.objects.values_list("text", flat=True)
        order = ReplacementOrder(ReplacementCause.STOLEN, encryption=set(keys), terms_shown=set(texts))
        step1_replace.replace(actor=uma, order=order)
        return True
    assert not SoftwareToken.objects.in_use().filter(kind="initial").exists(), "an old token counts"
    old = [choice.key for choice in step1_recover.choices(uma) if _is_of_initial(choice.key)]
    if not TokenRequest.objects.filter(kind="recovery").exists():
        factor = Authenticator.objects.get(user__person=uma)
        keys_of_old = [key.pk for key in old]
        step1_recover.recover(actor=uma, key_ids=keys_of_old, purpose="Stolen", factor=factor.pk)
        return True
    return any(_note(token) for token in SoftwareToken.objects.exclude(kind="initial"))


def _is_of_initial(key: ArchivedKey) -> bool:
    return key.certificate is not None and key.certificate.token.kind == "initial"


def recover_by_officers(_clock: Clock) -> bool:
    """ada asks, two officers decide and give their shares; then uma notes the passphrase."""
    row = Recovery.objects.select_related("request").first()
    if row is None:
        uma = who("uma")
        keys = [choice.key.pk for choice in step1_recover.choices(uma)]
        order = step1_recover.OfficersOrder(uma.pk, uma.pk, keys, purpose="Her files are gone.")
        step1_recover.recover_by_officers(actor=who("ada"), order=order)
        return True
    seen, agreed = sealed_decisions.digest(row), row.request.approvals.count()
    if agreed < 2:
        decisions.approve(actor=who(("rene", "rosa")[agreed]), recovery_id=row.pk, seen=seen)
    elif decisions.awaits_shares(row):
        given = SubmittedShare.objects.filter(share_wrapped__isnull=False).count()
        officer, text = who(("rene", "rosa")[given]), recovery.ceremony()[1].texts[given]
        decisions.give_share(actor=officer, recovery_id=row.pk, seen=seen, share=text)
    else:
        return _note(row.request.tokens.get())
    return True


def renew_and_replace(clock: Clock) -> bool:
    """The expiry check starts it; accepted and noted; the old token ends some days after the new one works.

    Whenever anybody looks, uma has a token that works.
    """
    now = timezone.now()
    valid = Certificate.objects.filter(state="valid", revocation_decided_at=None, not_after__gt=now)
    assert valid.filter(token__state="active").exists(), "a minute without a valid token"
    renewal = TokenRequest.objects.filter(kind="renewal").first()
    if renewal is None:
        return _wait_until(clock, valid.get().not_after - timedelta(days=20))
    if renewal.state == "awaiting_acceptance" and has_mail(renewal, "information"):
        cast.accepted(renewal)
        return True
    new = renewal.tokens.get()
    if _note(new):
        return True
    works_since = [new.delivered_at, new.acknowledged_at]
    return new.state == "active" and _wait_until(
        clock, max(works_since) + timedelta(days=new.required_type.replaced_after_days)
    )


def _wait_until(clock: Clock, moment: datetime) -> bool:
    """Whether there was anything to wait for."""
    left = moment - timezone.now()
    if left > timedelta(0):
        clock.advance(left)
    return left > timedelta(0)


def hold_and_revoke(_clock: Clock) -> bool:
    """Out of use, in use again, then never more; each told to the CA before the next."""
    token = SoftwareToken.objects.get()
    at_ca = set(token.certificates.values_list("state", flat=True))
    held = AuditEvent.objects.filter(name="token.held").exists()
    if token.state == "active" and not held:
        hold.put_on_hold(actor=who("ada"), token_id=token.pk, reason="lost, perhaps")
    elif token.state == "on_hold" and at_ca == {"on_hold"}:
        hold.reinstate(actor=who("ada"), token_id=token.pk)
    elif token.state == "active" and at_ca == {"valid"}:
        revoke.revoke_token(actor=who("uma"), token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE)
    else:
        return False
    return True


def cancel_what_was_issued(_clock: Clock) -> bool:
    """Accepted; then an administrator cancels, when the CA has issued and its answer was lost."""
    request, connector = TokenRequest.objects.get(), registry.connector("corporate")
    assert isinstance(connector, ForgetfulAsked)
    if request.state == "awaiting_acceptance":
        cast.accepted(request)
    elif request.state == "issuing" and connector.issued.read():
        cancellation.cancel(actor=who("ada"), request_id=request.pk, reason="leaves")
    else:
        return False
    return True


def leave_while_it_is_issued(clock: Clock) -> bool:
    """Accepted; a leave begins and ends when the CA has issued and its answer was lost."""
    request, connector = TokenRequest.objects.get(), registry.connector("corporate")
    assert isinstance(connector, ForgetfulAsked)
    uma, been_away = who("uma"), AuditEvent.objects.filter(name="person.deactivated").exists()
    if request.state == "awaiting_acceptance":
        cast.accepted(request)
    elif request.state == "issuing" and connector.issued.read() and not been_away:
        leave_and_return.deactivate(actor=who("rita"), person_id=uma.pk, reason="on leave")
    elif uma.state == "inactive":
        clock.advance(LEASE_IS_OVER)  # the next try is due by then, however quick this machine is
        leave_and_return.activate(actor=who("rita"), person_id=uma.pk)
    else:
        return False
    return True


def leave_and_come_back(_clock: Clock) -> bool:
    """With a token in use; the CA has it on hold before the person returns."""
    uma, been_away = who("uma"), AuditEvent.objects.filter(name="person.deactivated").exists()
    if not been_away:
        leave_and_return.deactivate(actor=who("rita"), person_id=uma.pk, reason="on leave")
    elif uma.state == "inactive" and Certificate.objects.get().state == "on_hold":
        leave_and_return.activate(actor=who("rita"), person_id=uma.pk)
    else:
        return False
    return True


def retry_what_was_refused(_clock: Clock) -> bool:
    """Accepted; refused by the CA for good; an administrator has it tried again."""
    request = TokenRequest.objects.get()
    if request.state == "failed":
        retry.retry(actor=who("ada"), request_id=request.pk)
        return True
    return from_accepting_to_the_mail(_clock)


def wait_beyond_an_end(clock: Clock) -> bool:
    """Accepted; of two certificates one has ended when the other comes. The job that sees it runs before."""
    if from_accepting_to_the_mail(clock):
        return True
    there, late = (Certificate.objects.filter(state=state).first() for state in ("valid", "ordered"))
    if there is None or late is None or there.not_after is None or late.next_attempt_at is None:
        return False
    until = late.next_attempt_at if there.orders_made > 1 else there.not_after
    if until <= timezone.now():
        return False
    clock.advance(until - timezone.now())
    return True


def wait_for_a_comparison(clock: Clock) -> bool:
    """Accepted; issued twice, because the first answer was lost and a search found nothing."""
    if from_accepting_to_the_mail(clock):
        return True
    waiting = CaOrder.objects.filter(state="issued", comparisons=0, compare_at__gt=timezone.now()).first()
    if waiting is None or waiting.compare_at is None:
        return False
    clock.advance(waiting.compare_at - timezone.now())
    return True


def order_for_many(_clock: Clock) -> bool:
    """Looked at, then enabled, two by two and in two shards; then approvers are told."""
    persons = Person.objects.filter(personnel_number__startswith="P-one").order_by("personnel_number")
    chosen = [str(pk) for pk in persons.values_list("pk", flat=True)]
    return _place_or_start(
        placing.BatchOrderInput(BatchSource.SELECTION, chosen, [pair().pk], accept_partial=False)
    )


def _place_or_start(wanted: placing.BatchOrderInput, *, note: str = "") -> bool:
    """What ada has to do for this order, if anything."""
    order = BatchOrder.objects.first()
    if order is None:
        placing.place_order(actor=who("ada"), order_id=uuid.uuid4(), wanted=wanted)
    elif order.state == "checked":
        batch_orders.start(actor=who("ada"), order_id=order.pk, note=note)
    else:
        return False
    return True


def revoke_many(_clock: Clock) -> bool:
    """Looked at, then revoked, two by two; then the CA is told of each."""
    chosen = SoftwareToken.objects.order_by("person__personnel_number").values_list("pk", flat=True)
    wanted = placing.BatchOrderInput(
        BatchSource.SELECTION,
        map(str, chosen),
        kind=BatchKind.REVOKE,
        chosen_as=ChosenAs.TOKENS,
        options={"reason": "superseded"},
    )
    return _place_or_start(wanted, note="the profile was wrong")


def never_note(clock: Clock) -> bool:
    """Three reminders, then the passphrase is destroyed. Jobs run, and mails go out, before days pass."""
    token = SoftwareToken.objects.get()
    waiting = OutgoingMail.objects.filter(state="queued").exists()
    if token.state != "sealed" or token.passphrase_destroy_at is None or waiting:
        return False
    mails = OutgoingMail.objects.count()
    clock.advance(LEASE_IS_OVER)
    beat((*REMINDING, "queue.sweep"))
    if OutgoingMail.objects.count() == mails:
        ahead = [token.passphrase_destroy_at - timedelta(days=days) - timezone.now() for days in (7, 3, 1, 0)]
        clock.advance(min(step for step in ahead if step > timedelta(0)))
    return True


REMINDING = ("requests.remind_of_passphrases", "road.lapse_overdue")
ALL_SEVEN_STEPS = Walk("all seven steps", nothing_to_archive_yet, from_asking_to_noting)
CA_ELSEWHERE = Walk("a CA elsewhere", invited, from_accepting_to_the_mail, ca="Searchable")
CA_PUTS_OFF = Walk("a CA that decides later", invited, from_accepting_to_the_mail, ca="PutsOff")
CA_FORGETS = Walk(
    "a CA that cannot be searched",
    invited,
    from_accepting_to_the_mail,
    ca="ForgetfulAsked",
    unknown=registry.ASK_AGAIN,
    jobs=("queue.sweep", "ca.revoke_surplus"),
)
AFTER_DELIVERY = Walk("hold, reinstatement and revocation", in_use, hold_and_revoke)
CANCELLED = Walk(
    "cancelled while the CA is asked", invited_to_one, cancel_what_was_issued, ca="Searchable", loses=1
)
NEVER_NOTED = Walk(
    "reminders and a lapse",
    delivered,
    never_note,
    jobs=("queue.sweep", *REMINDING),
)
LEAVE_IN_BETWEEN = Walk(
    "a leave while the CA is asked", invited_to_one, leave_while_it_is_issued, ca="Searchable", loses=1
)
LEAVE = Walk("leave and return", in_use, leave_and_come_back)
REFUSED = Walk("refused, then retried", invited_to_one, retry_what_was_refused, ca="RefusesFirst")
ENDED = Walk(
    "ended before it is sealed",
    invited,
    wait_beyond_an_end,
    ca="TakesDays",
    jobs=("queue.sweep", "road.expire_ended"),
)
COMPARED = Walk(
    "found when the journal is compared with the CA",
    invited_to_one,
    wait_for_a_comparison,
    ca="FindsLate",
    loses=1,
    jobs=("queue.sweep", "ca.compare", "ca.revoke_surplus"),
)
IN_A_GROUP = Walk("several tokens in one group", several_invited, accept_before_anything_is_issued)
MANY = Walk("a batch order", many, order_for_many)
REVOKED_TOGETHER = Walk("a batch order that revokes", several_in_use, revoke_many)
RECOVERY = Walk("a recovery by the owner", archived, recover_and_note)
RECOVERY_BY_OFFICERS = Walk("a recovery by two officers", archived_for_officers, recover_by_officers)
REPLACEMENT = Walk("a replacement with the old key recovered", archived, replace_and_recover)
RENEWAL = Walk(
    "a renewal, and the end of the old token",
    in_use_and_renewed_by_itself,
    renew_and_replace,
    jobs=("queue.sweep", "renewals.expiry_check", "renewals.replace_superseded"),
)
WALKS = (
    ALL_SEVEN_STEPS,
    CA_ELSEWHERE,
    CA_PUTS_OFF,
    CA_FORGETS,
    AFTER_DELIVERY,
    CANCELLED,
    NEVER_NOTED,
    LEAVE_IN_BETWEEN,
    LEAVE,
    REFUSED,
    ENDED,
    COMPARED,
    IN_A_GROUP,
    MANY,
    REVOKED_TOGETHER,
    RECOVERY,
    RECOVERY_BY_OFFICERS,
    REPLACEMENT,
    RENEWAL,
)
