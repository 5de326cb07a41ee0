"""What is kept no longer goes, some at a time, and nothing that is under way."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.contract import RevocationReason
from identity_manager import audit, audit_proof
from identity_manager.audit import heads, sealing, verification
from identity_manager.jobs import resumable_scan, retention, schedule
from identity_manager.models import (
    ArchivedKey,
    AuditEvent,
    AuditHead,
    Certificate,
    Container,
    OutgoingMail,
    SoftwareToken,
    TokenRequest,
    TokenType,
)
from identity_manager.models.requests.states import NOT_ENDED
from identity_manager.models.requests.token_states import IN_USE, UNDER_WAY
from identity_manager.people import anonymisation
from identity_manager.people.sign_in import attempts
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Stale
from identity_manager.workflow import step1_recover
from identity_manager.workflow.delivery import resending
from identity_manager.workflow.revocation import hold, revoke
from tests.tools import cast, recovery
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long]
YEAR = timedelta(days=365)


@pytest.fixture
def company() -> Company:
    return Company()


def kept(company: Company, days: int | None) -> None:
    TokenType.objects.filter(code="vpn").update(container_retention_days=days)


def aged(model: type, column: str, by: timedelta = 12 * YEAR) -> None:
    for row in model.objects.all():
        if getattr(row, column) is not None:
            model.objects.filter(pk=row.pk).update(**{column: getattr(row, column) - by})


# --- Containers ------------------------------------------------------------------------------------
def test_containers_go_when_the_types_time_is_over(company: Company) -> None:
    company.request_in("completed")
    kept(company, 30)
    assert retention.remove_containers() == 0
    aged(SoftwareToken, "sealed_at", timedelta(days=31))
    assert retention.remove_containers() == 1
    assert not Container.objects.exists()
    assert AuditEvent.objects.get(name="retention.containers-removed").facts == {"rows": 2}


def test_what_is_kept_no_longer_is_not_sent_again(company: Company) -> None:
    token = company.request_in("completed").tokens.get()
    Container.objects.all().delete()
    with pytest.raises(Stale) as refused:
        resending.send_again(actor=company.ada, token_id=token.pk, container_format="standard")
    assert refused.value.reason.code == "kept-no-longer"


def test_without_a_time_they_go_with_the_certificates(company: Company) -> None:
    company.request_in("completed")
    aged(SoftwareToken, "sealed_at")
    assert retention.remove_containers() == 0
    aged(Certificate, "not_after")
    assert retention.remove_containers() == 1


def test_containers_of_a_token_under_way_stay(company: Company) -> None:
    company.request_in("issued")
    kept(company, 1)
    aged(SoftwareToken, "sealed_at")
    assert retention.remove_containers() == 0
    assert Container.objects.exists()


def test_nor_do_those_of_one_that_was_put_on_hold_on_its_way(company: Company) -> None:
    """It is mailed when the hold ends: without its files the person would get an empty mail for good."""
    token = cast.noted(company.request_in("issued").tokens.get())
    hold.put_on_hold(actor=company.ada, token_id=token.pk, reason="a long illness")
    kept(company, 1)
    aged(SoftwareToken, "sealed_at")

    assert retention.remove_containers() == 0

    hold.reinstate(actor=company.ada, token_id=token.pk)
    cast.delivered(token.request)
    token.refresh_from_db()
    assert (token.state, token.delivery) == ("active", "sent")
    assert retention.remove_containers() == 1


def three_with_old_containers(company: Company, monkeypatch: pytest.MonkeyPatch) -> list[SoftwareToken]:
    """In the order of their keys, and a portion is one of them."""
    monkeypatch.setattr(resumable_scan, "AT_ONCE", 1)
    for name in ("una", "ulf", "udo"):
        cast.delivered(cast.issued(cast.accepted(cast.enabled(company.ada, cast.person(name), company.vpn))))
    SoftwareToken.objects.update(state="revoked")
    kept(company, 30)
    aged(SoftwareToken, "sealed_at", timedelta(days=31))
    return list(SoftwareToken.objects.order_by("pk"))


def test_rows_that_fail_keep_nothing_behind_them(
    company: Company, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, *others = three_with_old_containers(company, monkeypatch)
    remove = anonymisation.remove_containers

    def slip(token: SoftwareToken) -> int:
        if token.pk == first.pk:
            raise LookupError("a slip of ours")
        return remove(token)

    with monkeypatch.context() as patch:
        patch.setattr(anonymisation, "remove_containers", slip)
        with pytest.raises(LookupError):
            retention.remove_containers()
        assert f"A row failed and was skipped: {first.pk}" in caplog.text
        assert retention.remove_containers() == 2
        assert not Container.objects.filter(token__in=others).exists()
        with pytest.raises(LookupError):
            retention.remove_containers()  # round again: it is not forgotten

    assert retention.remove_containers() == 0
    assert retention.remove_containers() == 1
    assert not Container.objects.exists()


def test_a_run_goes_on_for_as_long_as_it_may(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    three_with_old_containers(company, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(resumable_scan, "SECONDS", 0)
        assert retention.remove_containers() == 0
    assert retention.remove_containers() == 3


# --- Mails -----------------------------------------------------------------------------------------
def test_texts_of_old_mails_go_and_that_they_were_sent_stays(company: Company) -> None:
    company.request_in("completed")
    assert retention.empty_mails() == 0
    waiting = OutgoingMail.objects.filter(state="queued").count()
    aged(OutgoingMail, "created_at")
    done = retention.empty_mails()
    assert done == OutgoingMail.objects.exclude(state="queued").count() > 0
    for mail in OutgoingMail.objects.all():
        assert bool(mail.body_text) == (mail.state == "queued")
        assert mail.to_address
    assert OutgoingMail.objects.filter(state="queued").count() == waiting
    assert retention.empty_mails() == 0
    assert AuditEvent.objects.filter(name="retention.mails-emptied").count() == 1


def test_more_old_mails_than_a_portion_go_in_one_run(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand persons in a day make more than an hourly portion could ever keep up with."""
    monkeypatch.setattr(resumable_scan, "AT_ONCE", 1)
    company.request_in("completed")
    OutgoingMail.objects.update(state="sent")
    aged(OutgoingMail, "created_at")
    assert retention.empty_mails() == OutgoingMail.objects.count() > 1


# --- Requests --------------------------------------------------------------------------------------
def test_an_old_request_loses_what_it_says_of_the_person(company: Company) -> None:
    request = company.request_in("rejected")
    assert retention.empty_requests() == 0
    aged(TokenRequest, "ended_at")
    assert retention.empty_requests() == 0  # its token has ended just now
    aged(SoftwareToken, "ended_at")
    assert retention.empty_requests() == 1
    request.refresh_from_db()
    token = request.tokens.get()
    assert (request.state, request.delivery_address, request.reason) == ("rejected", "", "")
    assert "Lindqvist" not in str(token.snapshot)
    assert token.snapshot["type"]["code"] == "signature"
    assert request.approvals.get().reason == ""
    assert signed_in(company.ada).get(f"/requests/{request.pk}/").status_code == 200
    assert retention.empty_requests() == 0


@pytest.mark.parametrize("state", ["requested", "awaiting_acceptance", "issuing", "issued", "completed"])
def test_a_request_under_way_or_with_a_token_in_use_stays(company: Company, state: str) -> None:
    company.request_in(state)
    aged(TokenRequest, "ended_at")
    aged(TokenRequest, "created_at")
    assert retention.empty_requests() == 0


@pytest.mark.parametrize(
    ("job", "row", "event"),
    [
        (retention.remove_containers, "token", "retention.containers-removed"),
        (retention.empty_requests, "request", "retention.requests-emptied"),
        (retention.remove_archived_keys, "person", audit.Event.ARCHIVED_KEY_REMOVED),
    ],
)
def test_what_another_worker_has_done_meanwhile_is_not_done_again(
    company: Company,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    job: Callable[[], int],
    row: str,
    event: str,
) -> None:
    if row == "person":
        settings.RETENTION_ARCHIVE_DAYS = 30
        recovery.in_force(recovery.officers())
        recovery.archived_key(company)
    else:
        token = company.request_in("completed").tokens.get()
        revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=RevocationReason.SUPERSEDED)
    for model, column in (
        (TokenRequest, "ended_at"),
        (SoftwareToken, "ended_at"),
        (Certificate, "not_after"),
    ):
        aged(model, column)
    lock = getattr(locking, row)

    def another_first(pk: UUID) -> object:
        monkeypatch.setattr(locking, row, lock)
        assert job() == 1
        return lock(pk)

    monkeypatch.setattr(locking, row, another_first)
    assert job() == 0
    assert AuditEvent.objects.filter(name=event).count() == 1


# --- The archive -----------------------------------------------------------------------------------
def test_an_archived_key_stays_for_ever_or_until_its_time_is_over(
    company: Company, settings: Settings
) -> None:
    recovery.in_force(recovery.officers())
    row = recovery.archived_key(company)
    aged(Certificate, "not_after", 3 * YEAR)
    aged(SoftwareToken, "ended_at")
    assert retention.remove_archived_keys() == 0
    settings.RETENTION_REQUEST_DAYS = 1
    retention.empty_requests()
    assert ArchivedKey.objects.exists()

    settings.RETENTION_ARCHIVE_DAYS = 4 * 365
    assert retention.remove_archived_keys() == 0
    aged(Certificate, "not_after", 4 * YEAR)
    assert retention.remove_archived_keys() == 1
    assert not ArchivedKey.objects.exists()
    event = AuditEvent.objects.get(name=audit.Event.ARCHIVED_KEY_REMOVED)
    assert (event.person, event.facts) == (company.uma, {"public_key": row.public_key_sha256})


def test_a_key_that_is_being_recovered_stays(company: Company, settings: Settings) -> None:
    recovery.online_in_force(recovery.officers())
    row = recovery.archived_key(company)
    step1_recover.recover(
        actor=company.uma,
        key_ids=[row.pk],
        purpose="The passphrase is gone",
        factor=recovery.factor_of(company.uma),
    )
    aged(Certificate, "not_after")
    settings.RETENTION_ARCHIVE_DAYS = 30
    assert retention.remove_archived_keys() == 0


# --- The audit log ---------------------------------------------------------------------------------
def sign_in(company: Company) -> None:
    attempts.record_failure(typed_name="uma", method="password")
    audit.record(audit.Event.SIGNED_IN, actor=company.uma, subject=company.uma, method="password")


def test_old_sign_ins_are_emptied_and_the_log_still_fits(company: Company) -> None:
    company.request_in("rejected")
    sign_in(company)
    AuditEvent.objects.update(at=timezone.now() - YEAR)
    audit.record(audit.Event.SIGNED_IN, actor=company.uma, subject=company.uma, method="password")
    sealing.seal()
    heads.sign()

    assert retention.forget_sign_ins() == 2

    sealing.seal()
    assert AuditEvent.objects.filter(name="account.signed-in", body_sha256="").count() == 1
    forgotten = AuditEvent.objects.exclude(body_sha256="")
    assert [(event.facts, event.person_ref) for event in forgotten] == [({}, "")] * 2
    assert {(event.facts_salt, event.personal_sha256) for event in forgotten} == {("", "")}, (
        "by which to guess"
    )
    report = verification.verify()
    assert report.findings == []
    assert report.heads == 1
    assert retention.forget_sign_ins() == 0


def test_what_is_not_sealed_is_not_emptied(company: Company) -> None:
    sign_in(company)
    AuditEvent.objects.update(at=timezone.now() - YEAR)
    assert retention.forget_sign_ins() == 0


@pytest.fixture
def old_log(company: Company) -> int:
    """A log whose first events are older than they are kept; returns how many."""
    company.request_in("rejected")
    AuditEvent.objects.update(at=timezone.now() - 11 * YEAR)
    number = sealing.seal()
    heads.sign()
    audit.record(audit.Event.PERSON_CHANGED, actor=company.rita, subject=company.uma)
    sealing.seal()
    return number


def test_the_beginning_is_cut_at_a_signed_checkpoint(old_log: int) -> None:
    assert retention.cut_audit_log() == old_log
    sealing.seal()
    report = verification.verify()
    assert report.findings == []
    assert report.first == old_log + 1
    cut = AuditEvent.objects.get(name="audit.cut")
    assert cut.facts == {"first": 1, "last": old_log, "rows": old_log}
    assert retention.cut_audit_log() == 0


def test_what_was_made_to_look_old_is_not_cut(company: Company) -> None:
    """The job signs what it cuts, so nobody would find it: whoever can write dates could remove the log."""
    company.request_in("rejected")
    number = sealing.seal()
    AuditEvent.objects.filter(number__lt=number).update(at=timezone.now() - 11 * YEAR)
    assert retention.cut_audit_log() == 0
    assert AuditEvent.objects.filter(number__isnull=False).count() == number


def test_nor_what_lies_before_something_old_in_the_wrong_place(company: Company, old_log: int) -> None:
    """An old event, as it was sealed, has changed places with the last but one, which is young."""
    audit.record(audit.Event.PERSON_CHANGED, actor=company.rita, subject=company.uma)
    sealing.seal()
    old, young = AuditEvent.objects.get(number=2), AuditEvent.objects.get(number=old_log + 1)
    AuditEvent.objects.filter(pk=young.pk).update(number=None, at=timezone.now() - 11 * YEAR)
    AuditEvent.objects.filter(pk=old.pk).update(number=young.number)
    AuditEvent.objects.filter(pk=young.pk).update(number=old.number)
    assert retention.cut_audit_log() == 1, "what is before the first of the two"
    assert AuditEvent.objects.filter(pk=young.pk).exists()


def test_sign_ins_that_were_forgotten_are_cut_with_the_others(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those whose name and date went with them, as the version before did it."""
    with monkeypatch.context() as before:
        before.setattr(audit_proof, "NEWEST_FORM", audit_proof.FIRST_FORM)
        sign_in(company)
        company.request_in("rejected")
        AuditEvent.objects.update(at=timezone.now() - 11 * YEAR)
        number = sealing.seal()
    retention.forget_sign_ins()
    sealing.seal()
    assert retention.cut_audit_log() == number
    sealing.seal()
    assert verification.verify().findings == []


def test_a_cut_without_its_checkpoint_is_found(old_log: int) -> None:
    retention.cut_audit_log()
    AuditHead.objects.filter(kind="checkpoint").update(number=0)
    assert [finding.kind for finding in verification.verify().findings] == [verification.AuditFault.BEGINNING]


def test_more_than_was_cut_is_found_missing(old_log: int) -> None:
    retention.cut_audit_log()
    AuditEvent.objects.filter(number=old_log + 1).delete()
    sealing.seal()
    assert verification.AuditFault.BEGINNING in [finding.kind for finding in verification.verify().findings]


def test_the_log_of_what_is_under_way_is_not_cut(company: Company) -> None:
    company.request_in("awaiting_acceptance")
    AuditEvent.objects.update(at=timezone.now() - 11 * YEAR)
    sealing.seal()
    before = AuditEvent.objects.count()
    retention.cut_audit_log()
    left = set(AuditEvent.objects.values_list("name", flat=True))
    assert {"request.created", "request.invited"} <= left
    assert AuditEvent.objects.exclude(name="audit.cut").count() >= before - 2


def test_nor_is_that_of_a_token_in_use_though_its_request_is_completed(company: Company) -> None:
    company.request_in("completed")
    AuditEvent.objects.update(at=timezone.now() - 11 * YEAR)
    audit.record(audit.Event.PERSON_CHANGED, actor=company.rita, subject=company.uma)
    sealing.seal()
    of_the_token = AuditEvent.objects.filter(token__isnull=False)
    before = of_the_token.count()
    assert retention.cut_audit_log() > 0, "what was before it"
    assert of_the_token.count() == before > 0


def test_a_cut_is_bounded_and_goes_on_at_its_next_run(old_log: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "EVENTS_AT_ONCE", 1)
    assert retention.cut_audit_log() == 1
    sealing.seal()
    assert verification.verify().findings == []
    assert retention.cut_audit_log() == 1


@pytest.mark.parametrize(
    ("name", "job"),
    [
        ("RETENTION_MAIL_DAYS", retention.empty_mails),
        ("RETENTION_REQUEST_DAYS", retention.empty_requests),
        ("RETENTION_SIGN_IN_DAYS", retention.forget_sign_ins),
        ("RETENTION_AUDIT_DAYS", retention.cut_audit_log),
    ],
)
def test_nought_keeps_for_ever(company: Company, settings: Settings, name: str, job: object) -> None:
    setattr(settings, name, 0)
    company.request_in("rejected")
    sign_in(company)
    sealing.seal()
    for model, column in ((OutgoingMail, "created_at"), (TokenRequest, "ended_at")):
        aged(model, column)
    AuditEvent.objects.update(at=timezone.now() - 50 * YEAR)
    assert job() == 0


def test_they_run_by_themselves() -> None:
    names = {job.name for job in schedule.JOBS}
    assert {f"retention.{each}" for each in ("containers", "mails", "requests", "sign_ins", "audit")} <= names


def test_an_ended_request_or_token_never_comes_to_life_again() -> None:
    """So that what nothing needed of a month, while it was read, nothing needs when it is dropped."""
    in_use = {*UNDER_WAY, *IN_USE}
    for model, living in ((TokenRequest, set(NOT_ENDED)), (SoftwareToken, in_use)):
        steps = list(model._meta.get_field("state").get_all_transitions(model))
        assert len(steps) > 5
        assert [step.name for step in steps if step.source not in living and step.target in living] == []
