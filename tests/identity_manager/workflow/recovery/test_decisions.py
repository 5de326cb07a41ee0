"""Recovery by officers: who asks, who decides, whose shares open what, and what an attacker gets."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import pytest
import time_machine
from django.utils import timezone
from shamir_mnemonic import Share

from ca_bridge.keys import keys
from ca_bridge.pkcs12 import reader
from identity_manager.models import (
    ApiScope,
    Approval,
    ArchivedKey,
    AuditEvent,
    Decision,
    OutgoingMail,
    Person,
    PersonState,
    RecoveredKey,
    Recovery,
    RecoveryDecision,
    RecoveryKeyWrapping,
    Role,
    RoleAssignment,
    ShareRound,
    SignInCode,
    SoftwareToken,
    SubmittedShare,
    TokenRequest,
)
from identity_manager.people.api_access import api_clients
from identity_manager.people.api_access.api_clients import ApiClientInput
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow import step1_recover, step6_passphrase
from identity_manager.workflow.archive import share_rounds
from identity_manager.workflow.recovery import decisions, expiry, officers_policy, sealed_decisions
from identity_manager.workflow.step1_recover import OfficersOrder
from tests.tools import cast, recovery
from tests.tools.cast import Company
from tests.tools.recovery import Officers

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]


@pytest.fixture
def staff() -> Officers:
    share_rounds.publish_keys()
    return recovery.officers()


@pytest.fixture
def split(company: Company, staff: Officers) -> ArchivedKey:
    """uma's key, sealed for a recovery key of the officers alone."""
    recovery.in_force(staff)
    return recovery.archived_key(company)


@pytest.fixture
def online(company: Company, staff: Officers) -> ArchivedKey:
    """The same, sealed for an online key alone."""
    recovery.online_in_force(staff)
    return recovery.archived_key(company)


def deputy(name: str = "dora") -> Person:
    return cast.person(name, sid="", roles=(Role.SELF_SERVICE_USER,))


def asked(
    company: Company, key: ArchivedKey, *, beneficiary: Person | None = None, **order: object
) -> Recovery:
    target = beneficiary or company.uma
    terms: dict[str, object] = {"purpose": "She left; the contract is needed."}
    if target != company.uma:
        terms |= {"reference": "AZ 17/26", "until": timezone.localdate() + timedelta(days=30)}
    request = step1_recover.recover_by_officers(
        actor=company.ada,
        order=OfficersOrder(company.uma.pk, target.pk, [key.pk], **(terms | order)),  # type: ignore[arg-type]  # values of a test
    )
    return Recovery.objects.get(request=request)


def approve(row: Recovery, actor: Person, **more: str) -> Recovery:
    row.refresh_from_db()
    return decisions.approve(actor=actor, recovery_id=row.pk, seen=sealed_decisions.digest(row), **more)


def give(row: Recovery, actor: Person, number: int) -> ShareRound:
    row.refresh_from_db()
    text, seen = recovery.ceremony()[1].texts[number - 1], sealed_decisions.digest(row)
    return decisions.give_share(actor=actor, recovery_id=row.pk, seen=seen, share=text)


def agreed(staff: Officers, row: Recovery, **more: str) -> Recovery:
    approve(row, staff.rene, **more)
    return approve(row, staff.rosa, **more)


def opened(row: Recovery) -> SoftwareToken:
    """As the worker does it."""
    token = SoftwareToken.objects.get(request=row.request_id)
    step6_passphrase.seal(token_id=token.pk)
    return SoftwareToken.objects.select_related("request").get(pk=token.pk)


def state(row: Recovery) -> tuple[str, str]:
    request = TokenRequest.objects.get(pk=row.request_id)
    return request.state, request.failure


def counted() -> list[int]:
    return [kind.objects.count() for kind in (Approval, SubmittedShare, RecoveryDecision, Recovery)]


def refusal(call: Callable[[], object]) -> tuple[str, int]:
    """What is refused leaves decisions and shares as they were."""
    before = counted()
    with pytest.raises(Refused) as caught:
        call()
    assert counted() == before
    return caught.value.reason.code, caught.value.status


def mails(row: Recovery) -> list[tuple[str, str]]:
    rows = OutgoingMail.objects.filter(request=row.request_id).order_by("message", "to_address")
    return list(rows.values_list("message", "person__display_name"))


# --- The road --------------------------------------------------------------------------------------
def test_two_officers_and_their_shares(company: Company, staff: Officers, split: ArchivedKey) -> None:
    row = asked(company, split, beneficiary=deputy())
    assert [name for kind, name in mails(row) if kind == "recovery_to_decide"] == [
        each.display_name for each in (staff.rene, staff.rosa, staff.ruth)
    ]
    agreed(staff, row)
    assert state(row) == ("requested", "")
    give(row, staff.ruth, 3)
    assert state(row) == ("requested", "")
    give(row, staff.rene, 1)
    assert state(row) == ("issuing", "")
    token = opened(row)
    assert (token.state, token.request.state, token.person.given_name) == ("sealed", "issued", "Dora")
    secret = cast.shown(token)
    for container in token.containers.all():
        bags = reader.read(container.content, secret)
        (private,) = [keys.from_pkcs8(bag.der) for bag in bags if bag.kind == "key"]
        assert keys.public_key_sha256(private).hex() == split.public_key_sha256
        (name,) = {bag.friendly_name for bag in bags if bag.kind == "key"}
        assert company.uma.display_name in name, "whose key it is"
        assert "AZ 17/26" in name
        assert "contract" not in name
    assert not SubmittedShare.objects.exclude(share_wrapped=None).exists()
    assert ShareRound.objects.get().state == "used"


def test_of_an_online_key_two_decisions_are_enough(
    company: Company, staff: Officers, online: ArchivedKey
) -> None:
    row = asked(company, online)
    agreed(staff, row)
    assert state(row) == ("issuing", "")
    assert opened(row).state == "sealed"


def test_who_is_told(company: Company, staff: Officers, online: ArchivedKey) -> None:
    row = asked(company, online, beneficiary=deputy())
    assert "recovery_asked" not in dict(mails(row)), "nobody has agreed yet"
    agreed(staff, row)
    assert ("recovery_asked", company.uma.display_name) in mails(row)
    names = set(AuditEvent.objects.filter(person=company.uma).values_list("name", flat=True))
    assert {"recovery.asked", "recovery.approved"} <= names
    opened(row)
    assert AuditEvent.objects.filter(person=company.uma, name="recovery.key-recovered").exists()


@pytest.mark.parametrize(("silent", "told"), [(("court", "court"), 0), (("court", ""), 1)])
def test_the_owner_is_not_told_where_both_say_why(
    company: Company, staff: Officers, online: ArchivedKey, silent: tuple[str, str], told: int
) -> None:
    row = asked(company, online, beneficiary=deputy())
    approve(row, staff.rene, keep_silent=silent[0])
    approve(row, staff.rosa, keep_silent=silent[1])
    assert [kind for kind, _name in mails(row)].count("recovery_asked") == told


def test_a_locked_owner_is_not_told(company: Company, staff: Officers, online: ArchivedKey) -> None:
    Person.objects.filter(pk=company.uma.pk).update(state=PersonState.LOCKED)
    row = asked(company, online, beneficiary=deputy())
    agreed(staff, row)
    assert "recovery_asked" not in dict(mails(row))
    assert opened(row).state == "sealed"


def test_a_rejection_ends_it(company: Company, staff: Officers, split: ArchivedKey) -> None:
    row = asked(company, split)
    seen = sealed_decisions.digest(row)
    reject = partial(decisions.reject, actor=staff.rosa, recovery_id=row.pk, seen=seen)
    approve(row, staff.rene)
    assert refusal(lambda: reject(reason=" ")) == ("recovery-no-reason-to-reject", 422)
    reject(reason="Nobody needs it.")
    assert state(row)[0] == "rejected"
    assert refusal(lambda: approve(row, staff.ruth)) == ("recovery-not-waiting", 409)
    assert refusal(lambda: give(row, staff.ruth, 3)) == ("recovery-wants-no-shares", 409)
    assert SoftwareToken.objects.get(request=row.request_id).state == "cancelled"


# --- Who asks --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"purpose": " "}, "recovery-no-purpose"),
        ({"reference": " "}, "recovery-without-reference"),
        ({"until": None}, "recovery-without-end"),
        ({"until": date(2020, 1, 1)}, "recovery-without-end"),
        ({"until": date(2199, 1, 1)}, "recovery-without-end"),
    ],
)
def test_what_is_missing_in_the_order(
    company: Company, staff: Officers, split: ArchivedKey, order: dict[str, object], code: str
) -> None:
    assert refusal(lambda: asked(company, split, beneficiary=deputy(), **order)) == (code, 422)


def test_who_gets_keys_is_active_and_in_self_service(
    company: Company, staff: Officers, split: ArchivedKey
) -> None:
    outside, gone = cast.person("otto", sid="", roles=()), cast.person("gerd", sid="", state="inactive")
    assert refusal(lambda: asked(company, split, beneficiary=outside))[0] == "beneficiary-not-in-portal"
    assert refusal(lambda: asked(company, split, beneficiary=gone))[1] == 422


@pytest.mark.parametrize("role", [each for each in Role if each != Role.TOKEN_ADMINISTRATOR])
def test_no_other_role_asks(company: Company, staff: Officers, split: ArchivedKey, role: Role) -> None:
    company.ada = cast.person("other", sid="", roles=(role,))
    assert refusal(lambda: asked(company, split))[1] == 403


def test_not_somebody_elses_key(company: Company, staff: Officers, split: ArchivedKey) -> None:
    ArchivedKey.objects.update(owner=deputy())
    assert refusal(lambda: asked(company, split)) == ("recovery-unknown-key", 422)


# --- Who decides -----------------------------------------------------------------------------------
def make(person: Person, role: Role = Role.RECOVERY_OFFICER, unit: str = "") -> Person:
    RoleAssignment.objects.create(person=person, role=role, organisational_unit=unit)
    return Person.objects.get(pk=person.pk)


def test_neither_who_asked_nor_owner_nor_beneficiary_decides_or_gives_a_share(
    company: Company, staff: Officers, split: ArchivedKey
) -> None:
    row = asked(company, split, beneficiary=deputy())
    for person, code in (
        (make(company.ada), "recovery-you-asked"),
        (make(company.uma), "own-keys"),
        (make(row.request.person), "recovery-for-yourself"),
    ):
        assert refusal(lambda person=person: approve(row, person)) == (code, 403)
        assert not officers_policy.waiting_for(person, timezone.now()).exists()
    agreed(staff, row)
    RecoveryKeyWrapping.objects.get().shares.filter(officer=staff.ruth).update(officer=company.uma)
    assert refusal(lambda: give(row, company.uma, 3)) == ("own-keys", 403)


def test_nobody_decides_twice(company: Company, staff: Officers, split: ArchivedKey) -> None:
    row = asked(company, split)
    approve(row, staff.rene)
    assert refusal(lambda: approve(row, staff.rene)) == ("recovery-decided-already", 403)


def test_who_vouched_for_owner_or_beneficiary_does_not_decide(
    company: Company, staff: Officers, split: ArchivedKey
) -> None:
    row = asked(company, split, beneficiary=deputy())
    Person.objects.filter(pk=company.uma.pk).update(entered_by=staff.rene)
    SignInCode.objects.create(
        person=row.request.person,
        asked_by=staff.rosa,
        needs_confirmation=False,
        made_at=timezone.now(),
        expires_at=timezone.now(),
        used_at=timezone.now(),
    )
    assert refusal(lambda: approve(row, staff.rene)) == ("entered-the-person", 403)
    assert refusal(lambda: approve(row, staff.rosa)) == ("gave-a-code", 403)


@pytest.mark.parametrize("role", [each for each in Role if each != Role.RECOVERY_OFFICER])
def test_no_other_role_decides(company: Company, staff: Officers, split: ArchivedKey, role: Role) -> None:
    row = asked(company, split)
    assert refusal(lambda: approve(row, cast.person("other", sid="", roles=(role,))))[1] == 403


def test_the_query_and_the_rule_agree(company: Company, staff: Officers, split: ArchivedKey) -> None:
    """For every kind of officer: those who wait in OPEN TASKS are those whom the verb lets decide."""
    row = asked(company, split, beneficiary=deputy())
    Person.objects.filter(pk=company.uma.pk).update(entered_by=staff.ruth, organisational_unit="Nord")
    others = [
        make(company.ada),
        make(company.uma),
        make(row.request.person),
        make(cast.person("nora", sid="", roles=()), unit="Nord"),
        make(cast.person("lars", sid="", state="locked", roles=())),
        make(cast.person("max", sid="", roles=()), Role.APPROVER),
    ]
    approve(row, staff.rene)
    fresh = Recovery.objects.get(pk=row.pk)
    for officer in [*others, staff.rene, staff.rosa, staff.ruth, staff.sven]:
        officer.refresh_from_db()
        waits = officers_policy.waiting_for(officer, timezone.now()).exists()
        assert waits is (officers_policy.decision_obstacle(officer, fresh) is None), officer


@pytest.mark.parametrize("how", ["resubmitted", "co-requester", "maker of the client"])
def test_whoever_asked_in_another_way_does_not_decide(
    company: Company, staff: Officers, split: ArchivedKey, how: str
) -> None:
    """No door to a recovery records these today; the verb and OPEN TASKS refuse them alike."""
    row = asked(company, split)
    if how == "resubmitted":
        TokenRequest.objects.filter(pk=row.request_id).update(round_started_by=staff.rene)
    elif how == "co-requester":
        row.request.co_requesters.create(person=staff.rene)
        TokenRequest.objects.filter(pk=row.request_id).update(has_co_requesters=True)
    else:
        wanted = ApiClientInput(name="Payroll", days=30, scopes=[ApiScope.REQUESTS_WRITE])
        client, _secret = api_clients.make(actor=make(staff.rene, Role.SYSTEM_ADMINISTRATOR), wanted=wanted)
        TokenRequest.objects.filter(pk=row.request_id).update(requested_by=client.actor)
    fresh = Recovery.objects.get(pk=row.pk)
    assert officers_policy.obstacle(staff.rene, fresh) == officers_policy.YOU_ASKED
    assert not officers_policy.waiting_for(staff.rene, timezone.now()).exists()
    assert officers_policy.waiting_for(staff.rosa, timezone.now()).exists()


@pytest.mark.parametrize("when", ["before the second decision", "after it"])
def test_another_officer_has_the_task_when_a_decider_has_lost_the_role(
    company: Company, staff: Officers, split: ArchivedKey, when: str
) -> None:
    """An approval counts as long as its officer holds the role, for the verb and for OPEN TASKS alike."""
    row, now = asked(company, split), timezone.now()
    third = cast.person("tess", sid="", roles=(Role.RECOVERY_OFFICER,))
    approve(row, staff.rene)
    if when == "after it":
        approve(row, staff.rosa)
    RoleAssignment.objects.filter(person=staff.rene).delete()
    if when == "before the second decision":
        approve(row, staff.rosa)
    assert officers_policy.waiting_for(third, now).get() == row
    assert not officers_policy.waiting_for(staff.rosa, now).exists()

    approve(row, third)
    assert not officers_policy.waiting_for(third, now).exists()
    assert officers_policy.waiting_for(staff.rosa, now).get() == row, "for the share"


def test_open_tasks_of_who_holds_a_share(company: Company, staff: Officers, split: ArchivedKey) -> None:
    row, now = asked(company, split), timezone.now()
    spare = cast.person("xena", sid="", roles=(Role.RECOVERY_OFFICER,))

    def waiting() -> list[str]:
        officers = (staff.rene, staff.rosa, staff.ruth, spare)
        return [each.given_name for each in officers if officers_policy.waiting_for(each, now).exists()]

    assert waiting() == ["Rene", "Rosa", "Ruth", "Xena"]
    agreed(staff, row)
    assert waiting() == ["Rene", "Rosa", "Ruth"]
    give(row, staff.rene, 1)
    assert waiting() == ["Rosa", "Ruth"]
    give(row, staff.rosa, 2)
    assert waiting() == []


# --- Attacks ---------------------------------------------------------------------------------------
def test_an_officer_whose_role_ended_before_the_act(
    company: Company, staff: Officers, online: ArchivedKey
) -> None:
    row = asked(company, online)
    agreed(staff, row)
    RoleAssignment.objects.filter(person=staff.rosa).delete()
    opened(row)
    assert state(row) == ("failed", "recovery-decision-not-valid")
    assert not SoftwareToken.objects.get(request=row.request_id).containers.exists()


@pytest.mark.parametrize("how", ["lost the role", "was locked"])
def test_a_share_of_an_officer_who_is_one_no_more_opens_nothing(
    company: Company, staff: Officers, split: ArchivedKey, how: str
) -> None:
    """Ruth has not decided, so the decisions are valid still."""
    row = asked(company, split)
    agreed(staff, row)
    give(row, staff.ruth, 3)
    give(row, staff.rosa, 2)
    if how == "lost the role":
        RoleAssignment.objects.filter(person=staff.ruth).delete()
    else:
        Person.objects.filter(pk=staff.ruth.pk).update(state=PersonState.LOCKED)
    opened(row)
    assert state(row) == ("failed", "recovery-shares-needed")
    assert not SubmittedShare.objects.exclude(share_wrapped=None).exists()


def test_a_decision_without_its_role_does_not_count_and_another_officer_decides(
    company: Company, staff: Officers, split: ArchivedKey
) -> None:
    row = asked(company, split)
    approve(row, staff.rene)
    RoleAssignment.objects.filter(person=staff.rene).delete()
    approve(row, staff.rosa)
    assert refusal(lambda: give(row, staff.rosa, 2)) == ("recovery-wants-no-shares", 409)
    approve(row, staff.ruth)
    assert give(row, staff.rosa, 2).state == "open"


def forged_approval(row: Recovery, officer: Person, *, seal: bytes) -> None:
    approval = Approval.objects.create(
        request=row.request,
        approver=officer,
        decision=Decision.APPROVED,
        snapshot_hash=sealed_decisions.digest(row),
    )
    RecoveryDecision.objects.create(approval=approval, seal=seal)


def test_forged_approvals_open_nothing(company: Company, staff: Officers, online: ArchivedKey) -> None:
    """A database writer adds approvals, one under the seal of another decision, and starts the act."""
    row = asked(company, online)
    approve(row, staff.rene)
    forged_approval(row, staff.rosa, seal=RecoveryDecision.objects.get().seal)
    certificate = online.recipients.get().certificate
    Recovery.objects.filter(pk=row.pk).update(opened_with=certificate)
    TokenRequest.objects.filter(pk=row.request_id).update(state="issuing")
    SoftwareToken.objects.filter(request=row.request_id).update(
        state="issuing", next_attempt_at=timezone.now()
    )
    assert opened(row).state != "sealed"
    assert state(row) == ("failed", "recovery-decision-not-valid")


@pytest.mark.parametrize("forged", ["beneficiary", "purpose", "address", "owner", "keys", "expires_at"])
def test_what_two_decided_on_is_what_is_opened(
    company: Company, staff: Officers, split: ArchivedKey, forged: str
) -> None:
    """A database writer changes the recovery after the shares were given."""
    row, thief = asked(company, split, beneficiary=deputy()), deputy("thea")
    agreed(staff, row)
    give(row, staff.rene, 1)
    give(row, staff.rosa, 2)
    request = TokenRequest.objects.filter(pk=row.request_id)
    {
        "beneficiary": lambda: request.update(person=thief),
        "purpose": lambda: Recovery.objects.update(purpose="Another"),
        "address": lambda: request.update(delivery_address="thea@evil.example"),
        "owner": lambda: Recovery.objects.update(owner=thief),
        "keys": lambda: RecoveredKey.objects.update(public_key_sha256="ab" * 32),
        "expires_at": lambda: Recovery.objects.update(expires_at=timezone.now() + timedelta(days=9999)),
    }[forged]()
    opened(row)
    assert state(row)[0] == "failed"
    assert not SoftwareToken.objects.get(request=row.request_id).containers.exists()
    assert not SubmittedShare.objects.exclude(share_wrapped=None).exists()


def test_shares_of_one_recovery_open_no_other(company: Company, staff: Officers, split: ArchivedKey) -> None:
    """A database writer moves the round with its shares to a recovery for somebody else."""
    row = asked(company, split, beneficiary=deputy())
    agreed(staff, row)
    give(row, staff.rene, 1)
    present = give(row, staff.rosa, 2)
    theirs = asked(company, split, beneficiary=deputy("thea"))
    agreed(staff, theirs)
    ShareRound.objects.filter(pk=present.pk).update(
        subject=theirs.request_id, digest=sealed_decisions.digest(Recovery.objects.get(pk=theirs.pk))
    )
    TokenRequest.objects.filter(pk=theirs.request_id).update(state="issuing")
    SoftwareToken.objects.filter(request=theirs.request_id).update(
        state="issuing", next_attempt_at=timezone.now()
    )
    opened(theirs)
    assert state(theirs) == ("failed", "recovery-shares-not-for-this")


def test_a_stale_page(company: Company, staff: Officers, split: ArchivedKey) -> None:
    row = asked(company, split)
    stale = partial(decisions.approve, actor=staff.rene, recovery_id=row.pk, seen="0" * 64)
    assert refusal(stale) == ("recovery-seen-differs", 409)


# --- What goes wrong -------------------------------------------------------------------------------
def test_a_false_share_fails_the_act_and_shares_are_given_once_more(
    company: Company, staff: Officers, split: ArchivedKey
) -> None:
    row = asked(company, split)
    agreed(staff, row)
    false = replace(Share.from_mnemonic(recovery.ceremony()[1].texts[0]), value=bytes(32)).mnemonic()
    seen = sealed_decisions.digest(Recovery.objects.get(pk=row.pk))
    decisions.give_share(actor=staff.rene, recovery_id=row.pk, seen=seen, share=false)
    give(row, staff.rosa, 2)
    opened(row)
    assert state(row) == ("failed", "share-forged")
    assert not SubmittedShare.objects.exclude(share_wrapped=None).exists()
    give(row, staff.ruth, 3)
    assert give(row, staff.rosa, 2).number == 2
    assert opened(row).state == "sealed"


def test_after_half_an_hour_a_worker_opens_nothing(
    company: Company, staff: Officers, split: ArchivedKey
) -> None:
    row = asked(company, split)
    agreed(staff, row)
    give(row, staff.rene, 1)
    give(row, staff.rosa, 2)
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        opened(row)
        assert state(row) == ("failed", "share-round-over")


def test_what_is_not_decided_before_its_end(company: Company, staff: Officers, split: ArchivedKey) -> None:
    row = asked(company, split, beneficiary=deputy())
    with time_machine.travel(timezone.now() + timedelta(days=40)):
        assert refusal(lambda: approve(row, staff.rene)) == ("recovery-over", 409)


def test_keys_are_not_opened_for_who_has_changed(
    company: Company, staff: Officers, split: ArchivedKey
) -> None:
    """Shares would be spent on an act that refuses; a rejection is possible all the same."""
    row = asked(company, split)
    Person.objects.filter(pk=company.uma.pk).update(email="other@example.com")
    assert refusal(lambda: approve(row, staff.rene)) == ("recovery-person-changed", 409)
    Person.objects.filter(pk=company.uma.pk).update(email=company.uma.email)
    agreed(staff, row)
    Person.objects.filter(pk=company.uma.pk).update(email="other@example.com")
    assert refusal(lambda: give(row, staff.rene, 1)) == ("recovery-person-changed", 409)
    row.refresh_from_db()
    seen = sealed_decisions.digest(row)
    decisions.reject(actor=deciding_third(), recovery_id=row.pk, seen=seen, reason="She has changed.")
    assert TokenRequest.objects.get(pk=row.request_id).state == "rejected"


def deciding_third() -> Person:
    return make(cast.person("tess", sid="", roles=()))


def test_a_recovery_of_who_is_again_as_they_were_goes_on(
    company: Company, staff: Officers, online: ArchivedKey
) -> None:
    row = asked(company, online)
    TokenRequest.objects.filter(pk=row.request_id).update(stopped_at=timezone.now())
    agreed(staff, row)
    assert TokenRequest.objects.get(pk=row.request_id).stopped_at is None


def test_a_recovery_for_who_is_on_leave_is_rejected_or_waits(
    company: Company, staff: Officers, split: ArchivedKey
) -> None:
    row = asked(company, split)
    Person.objects.filter(pk=company.uma.pk).update(state="inactive")
    assert officers_policy.waiting_for(staff.rene, timezone.now()).exists()
    assert refusal(lambda: approve(row, staff.rene))[0] == "person-inactive"
    Person.objects.filter(pk=company.uma.pk).update(state="active")
    agreed(staff, row)
    Person.objects.filter(pk=company.uma.pk).update(state="inactive")
    assert not officers_policy.waiting_for(staff.rene, timezone.now()).exists(), "no share is wanted now"


def test_an_unknown_key(company: Company, staff: Officers, split: ArchivedKey) -> None:
    order = OfficersOrder(company.uma.pk, company.uma.pk, [uuid.uuid4()], purpose="why")
    verb = step1_recover.recover_by_officers
    assert refusal(lambda: verb(actor=company.ada, order=order)) == ("recovery-unknown-key", 422)


# --- The end ---------------------------------------------------------------------------------------
def test_after_the_last_day_files_and_passphrase_are_gone(
    company: Company, staff: Officers, online: ArchivedKey
) -> None:
    row = asked(company, online, beneficiary=deputy())
    agreed(staff, row)
    opened(row)
    assert expiry.end_over() == 0
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert expiry.end_over() == 1
        token = SoftwareToken.objects.get(request=row.request_id)
        assert (token.state, token.passphrase_wrapped, token.containers.count()) == ("expired", None, 0)
        assert state(row)[0] == "completed"
        assert expiry.end_over() == 0
    assert ArchivedKey.objects.filter(pk=online.pk).exists(), "the copy in the archive stays"


def test_what_was_not_carried_out_before_its_last_day_is_cancelled(
    company: Company, staff: Officers, split: ArchivedKey
) -> None:
    row = asked(company, split, beneficiary=deputy())
    agreed(staff, row)
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert expiry.end_over() == 1
    assert state(row)[0] == "cancelled"
    assert TokenRequest.objects.get(pk=row.request_id).reason == "recovery-over"


def test_both_check_files_tell_it(company: Company, staff: Officers, online: ArchivedKey) -> None:
    """That of the recovery, and that of the token from which the key is."""
    row = asked(company, online, beneficiary=deputy())
    agreed(staff, row)
    token = opened(row)
    assert online.certificate is not None
    for each in (token, online.certificate.token):
        told = AuditEvent.objects.filter(token=each, name="recovery.key-recovered")
        assert told.get().facts["public_key"] == online.public_key_sha256
    names = AuditEvent.objects.filter(request=row.request_id).values_list("name", flat=True)
    assert {"recovery.asked", "recovery.approved", "recovery.begun"} <= set(names)
