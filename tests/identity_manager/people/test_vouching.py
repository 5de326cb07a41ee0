"""Who entered a person, made a sign-in code for them or confirmed their identity.

They decide nothing for that person and give them no role, whatever roles they hold: these officers hold two
that exclude each other, as somebody may from before they did.
"""

from collections.abc import Callable, Iterator

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from identity_manager.console.outbox import bulk_actions
from identity_manager.models import (
    Account,
    IdentityChange,
    OutgoingMail,
    Person,
    PersonSource,
    Role,
    RoleAssignment,
    SignInCode,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.people import persons
from identity_manager.people.identity import identity_changes
from identity_manager.people.officers import roles, vouching_policy
from identity_manager.transactions.refusals import NotAllowed, Reason
from identity_manager.workflow import step2_approve
from identity_manager.workflow.delivery import arrival, outbox_actions, resending
from identity_manager.workflow.people import sign_in_codes
from identity_manager.workflow.policy import approvers
from identity_manager.workflow.requests import approver_escalation
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


@pytest.fixture
def company(db: None) -> Company:
    return Company()


def with_both(name: str, *held: Role) -> Person:
    """Somebody who is a Registration Officer too, as was possible once."""
    row = cast.person(name, roles=())
    for role in (Role.REGISTRATION_OFFICER, *held):
        RoleAssignment.objects.create(person=row, role=role)
    return row


def entered(officer: Person) -> Person:
    number = f"X-{Person.objects.count()}"
    values = {"personnel_number": number, "given_name": "New", "surname": "Comer", "language": "en"}
    values |= {"kind": "employee", "time_zone": "Europe/Berlin", "organisational_unit": "Nord"}
    return persons.enter(actor=officer, values=values, active=True)


def made_a_code(officer: Person) -> Person:
    row = cast.person("nora", roles=(), sid="")
    code = sign_in_codes.ask(actor=officer, person_id=row.pk)
    sign_in_codes.make(actor=officer, code_id=code.pk)
    return row


def confirmed_identity(officer: Person) -> Person:
    row, rolf = (
        cast.person("nils", roles=(), sid=""),
        cast.person("rolf", roles=(Role.REGISTRATION_OFFICER,), sid=""),
    )
    change = identity_changes.ask(row, new={"upn": "nils@else"}, source=PersonSource.MANUAL, actor=rolf)
    identity_changes.confirm(actor=officer, change_id=change.pk)
    return Person.objects.get(pk=row.pk)


VOUCHES: dict[str, tuple[Callable[[Person], Person], Reason]] = {
    "entered": (entered, vouching_policy.ENTERED),
    "made a code": (made_a_code, vouching_policy.GAVE_CODE),
    "confirmed the identity": (confirmed_identity, vouching_policy.CONFIRMED_IDENTITY),
}
WAYS = pytest.mark.parametrize("way", VOUCHES)


@WAYS
def test_who_vouched_gives_no_role(way: str) -> None:
    rita = with_both("rita", Role.USER_ADMINISTRATOR)
    vouch, reason = VOUCHES[way]
    target = vouch(rita)
    for role in (Role.APPROVER, Role.SELF_SERVICE_USER):
        with pytest.raises(NotAllowed) as refused:
            roles.assign(actor=rita, person_id=target.pk, role=role)
        assert refused.value.reason == reason
        assert roles.obstacles(actor=rita, person=target)[role] == reason
    assert not RoleAssignment.objects.filter(person=target).exists()
    ulf = cast.person("ulf", roles=(Role.USER_ADMINISTRATOR,))
    assert roles.assign(actor=ulf, person_id=target.pk, role=Role.APPROVER)


def waiting_request(company: Company, target: Person) -> TokenRequest:
    Person.objects.filter(pk=target.pk).update(email=f"{target.personnel_number.lower()}@example.com")
    return cast.enabled(company.ada, target, company.signature)


@WAYS
def test_who_vouched_does_not_decide(way: str, company: Company) -> None:
    rex = with_both("rex", Role.APPROVER)
    vouch, reason = VOUCHES[way]
    request = waiting_request(company, vouch(rex))
    seen = {"request_id": request.pk, "snapshot_hash": request.snapshot_hash}
    for verb in (
        lambda: step2_approve.approve(actor=rex, **seen),
        lambda: step2_approve.reject(actor=rex, **seen, reason="no"),
    ):
        with pytest.raises(NotAllowed) as refused:
            verb()
        assert refused.value.reason == reason
    assert not request.approvals.exists()


@WAYS
def test_who_vouched_is_not_asked_and_finds_nothing_to_decide(way: str, company: Company) -> None:
    rex = with_both("rex", Role.APPROVER)
    request = waiting_request(company, VOUCHES[way][0](rex))
    assert rex not in approvers.approvers(request)
    assert rex not in [row.approver for row in approver_escalation.asked_approvers(request)]
    assert not TokenRequest.objects.decidable_by(rex).filter(pk=request.pk).exists()
    assert TokenRequest.objects.decidable_by(company.paul).filter(pk=request.pk).exists()
    for_another = cast.enabled(company.ada, company.uma, company.signature)
    assert TokenRequest.objects.decidable_by(rex).filter(pk=for_another.pk).exists()
    assert approvers.decision_obstacle(rex, for_another) is None


def test_a_code_that_opens_nothing_is_no_obstacle() -> None:
    rita = with_both("rita", Role.USER_ADMINISTRATOR)
    target = made_a_code(rita)
    sign_in_codes.withdraw(actor=rita, code_id=SignInCode.objects.get().pk)
    assert vouching_policy.obstacle(rita, target) is None
    assert roles.assign(actor=rita, person_id=target.pk, role=Role.APPROVER)


def test_a_code_of_who_operates_the_machine_is_nobodys(company: Company) -> None:
    code = SignInCode(person=company.uma, needs_confirmation=False, used_at=timezone.now())
    code.save()
    request = cast.enabled(company.ada, company.uma, company.signature)
    assert list(approvers.approvers(request)) == [company.petra, company.paul]
    new = {"upn": "uma@else.example.com"}
    change = identity_changes.ask(company.uma, new=new, source=PersonSource.CSV, actor=None)
    assert list(change.second_officers()) == [company.rita]


def test_who_made_a_code_does_not_confirm_the_identity() -> None:
    rita, rolf = with_both("rita"), cast.person("rolf", roles=(Role.REGISTRATION_OFFICER,), sid="")
    target = made_a_code(rita)
    change = identity_changes.ask(target, new={"upn": "x@y"}, source=PersonSource.MANUAL, actor=rolf)
    with pytest.raises(NotAllowed, match="sign-in code"):
        identity_changes.confirm(actor=rita, change_id=change.pk)
    assert not IdentityChange.objects.decidable_by(rita).exists()
    assert not change.second_officers().exists()
    change.refresh_from_db()
    assert change.state == "waiting"


@pytest.fixture
def holder(company: Company) -> Person:
    """An administrator who made a sign-in code for uma, for whom ada has asked for a token before."""
    rex = with_both("rex", Role.TOKEN_ADMINISTRATOR, Role.SYSTEM_ADMINISTRATOR)
    code = sign_in_codes.ask(actor=rex, person_id=company.uma.pk)
    secret = sign_in_codes.make(actor=rex, code_id=code.pk)
    sign_in_codes.redeem(name=company.uma.personnel_number, code=secret, new_password="correct horse battery")
    company.request_in("issued")
    return rex


def the_ways_to_touch(mail: OutgoingMail, actor: Person) -> Iterator[Callable[[], object]]:
    yield lambda: outbox_actions.retry(actor=actor, mail_id=mail.pk)
    yield lambda: outbox_actions.discard(actor=actor, mail_id=mail.pk, reason="no use")
    yield lambda: outbox_actions.report_bounce(actor=actor, mail_id=mail.pk, reason="550")
    yield lambda: resending.send_again(
        actor=actor,
        token_id=SoftwareToken.objects.get().pk,
        container_format="standard",
    )


@pytest.mark.parametrize("state", ["queued", "sent", "failed"])
def test_who_made_a_code_does_nothing_with_what_is_delivered(
    state: str, holder: Person, company: Company
) -> None:
    mail = OutgoingMail.objects.get(message="delivery")
    OutgoingMail.objects.filter(pk=mail.pk).update(state=state)
    for act in the_ways_to_touch(mail, holder):
        with pytest.raises(NotAllowed) as refused:
            act()
        assert refused.value.reason == outbox_actions.GAVE_CODE
    refused_to_holder = outbox_actions.Tally(not_allowed=1)
    assert outbox_actions.retry_many(actor=holder, mail_ids=[mail.pk]) == refused_to_holder
    assert bulk_actions.words_of(refused_to_holder, left=0).endswith("somebody else decides about it.")
    mail.refresh_from_db()
    assert mail.state == state
    if state == "queued":
        assert (
            outbox_actions.discard(actor=company.ada, mail_id=mail.pk, reason="no use").state == "discarded"
        )


@pytest.mark.parametrize(("state", "verb"), [("failed", "discard"), ("sent", "report_bounce")])
def test_an_administrator_opens_no_download_of_their_own_file(
    state: str, verb: str, company: Company
) -> None:
    """Else whoever has their sign-in gets the file without their mailbox."""
    ada = company.ada
    olga = cast.person("olga", roles=(Role.TOKEN_ADMINISTRATOR,))
    cast.issued(cast.accepted(cast.enabled(olga, ada, company.vpn)))
    mail = OutgoingMail.objects.get(message="delivery")
    OutgoingMail.objects.filter(pk=mail.pk).update(state=state)
    with pytest.raises(NotAllowed) as refused:
        getattr(outbox_actions, verb)(actor=ada, mail_id=mail.pk, reason="550")
    assert refused.value.reason == arrival.YOUR_OWN
    assert SoftwareToken.objects.get().delivery == "queued"
    page = signed_in(ada).get(reverse("console:mail", args=[mail.pk])).text
    assert str(arrival.YOUR_OWN) in page


def test_the_owner_has_a_file_sent_again_all_the_same(holder: Person, company: Company) -> None:
    mail = OutgoingMail.objects.get(message="delivery")
    OutgoingMail.objects.filter(pk=mail.pk).update(state="sent")
    assert mail.token_id is not None
    again = resending.send_again(actor=company.uma, token_id=mail.token_id, container_format="compatible")
    assert again.state == "queued"


def test_who_was_given_both_before_keeps_them_and_is_named(settings: Settings) -> None:
    both = with_both("rita", Role.TOKEN_ADMINISTRATOR)
    fine = cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR, Role.USER_ADMINISTRATOR))
    Account.objects.create_account(username="rita", person=both, password=None)
    assert both.has_role(Role.TOKEN_ADMINISTRATOR)
    ((person, pairs),) = roles.in_conflict().items()
    assert person == both != fine
    assert {frozenset({one.role, other.role}) for one, other in pairs} == {
        frozenset({"registration-officer", "token-administrator"})
    }
    settings.ALLOW_CONFLICTING_ROLES = True
    assert list(roles.in_conflict()) == [both]
