"""Verbs on mails in every state; and whether a mail still makes sense when its turn comes."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.contract import RevocationReason
from identity_manager.mail import mailbox, outbox
from identity_manager.mail.faults import DeliveryFault
from identity_manager.mail.messages import account_messages, person_messages
from identity_manager.models import (
    AuditEvent,
    MailEvent,
    MailFault,
    MailState,
    OutgoingMail,
    Person,
    Role,
    SoftwareToken,
)
from identity_manager.models.mail.outgoing_mail import NOTICES
from identity_manager.people import anonymisation
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow import step2_approve, step7_deliver
from identity_manager.workflow.delivery import bounces, mail_relevance, outbox_actions, resending
from identity_manager.workflow.requests import cancellation
from identity_manager.workflow.revocation import hold, revoke
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.long]
REFUSED = DeliveryFault(MailFault.REFUSED, "SMTP 550", "550 no such user")
DOWN = DeliveryFault(MailFault.PASSING, "TimeoutError", "TimeoutError: slow")


@pytest.fixture(autouse=True)
def _mailbox(settings: Settings, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "identity_manager.mail.mailbox.MailboxBackend"
    settings.MAILBOX_DIR = tmp_path


def delivery(company: Company) -> OutgoingMail:
    company.request_in("issued")
    return OutgoingMail.objects.get(message="delivery")


def waiting(mail: OutgoingMail) -> OutgoingMail:
    mail.attempts = 1
    outbox.settle_fault(mail, DOWN)
    return mail


def being_sent(mail: OutgoingMail) -> OutgoingMail:
    claimed = outbox.claim(mail.pk)
    assert claimed is not None
    return claimed


def sent(mail: OutgoingMail) -> OutgoingMail:
    outbox.settle_sent(mail, provider_id="x")
    return mail


def failed(mail: OutgoingMail) -> OutgoingMail:
    outbox.settle_fault(mail, REFUSED)
    SoftwareToken.objects.update(delivery="bounced")
    return mail


def bounced(mail: OutgoingMail) -> OutgoingMail:
    sent(mail).bounce(error="gone", error_code="Postmark: bounced", now=timezone.now())
    mail.save()
    SoftwareToken.objects.update(delivery="bounced")
    return mail


def discarded(mail: OutgoingMail) -> OutgoingMail:
    outbox.discard(mail, reason="no more")
    return mail


STATES: dict[str, Callable[[OutgoingMail], OutgoingMail]] = {
    "new": lambda mail: mail,
    "waiting": waiting,
    "being sent": being_sent,
    "sent": sent,
    "failed": failed,
    "bounced": bounced,
    "discarded": discarded,
}
VERBS: dict[str, Callable[[Person, OutgoingMail], object]] = {
    "retry": lambda actor, mail: outbox_actions.retry(actor=actor, mail_id=mail.pk),
    "discard": lambda actor, mail: outbox_actions.discard(actor=actor, mail_id=mail.pk, reason="no use"),
}
ALLOWED = {
    ("retry", "waiting"): "queued",
    ("retry", "failed"): "queued",
    ("retry", "bounced"): "queued",
    ("discard", "new"): "discarded",
    ("discard", "waiting"): "discarded",
    ("discard", "failed"): "discarded",
    ("discard", "bounced"): "discarded",
}


def facts() -> tuple[object, ...]:
    return (
        list(OutgoingMail.objects.order_by("pk").values_list("version", "state", "next_attempt_at")),
        list(SoftwareToken.objects.values_list("version", "delivery")),
        AuditEvent.objects.count(),
    )


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_in_each_state(company: Company, verb: str, state: str) -> None:
    mail = STATES[state](delivery(company))
    before = facts()

    if (verb, state) not in ALLOWED:
        with pytest.raises(Stale):
            VERBS[verb](company.ada, mail)
        assert facts() == before
        return
    VERBS[verb](company.ada, mail)

    row = OutgoingMail.objects.get(pk=mail.pk)
    assert row.state == ALLOWED[verb, state]
    assert SoftwareToken.objects.get().delivery == ("queued" if verb == "retry" else "bounced")
    event = AuditEvent.objects.latest("pk")
    assert event.facts["message"] == "delivery"
    if verb == "retry":
        assert row.next_attempt_at is not None
        assert row.next_attempt_at <= timezone.now()


@pytest.mark.parametrize("name", ["paul", "rita", "uma", "sam"])
@pytest.mark.parametrize("verb", VERBS)
def test_nobody_else_may(company: Company, verb: str, name: str) -> None:
    mail = failed(delivery(company))
    before = facts()
    with pytest.raises(NotAllowed):
        VERBS[verb](getattr(company, name), mail)
    assert facts() == before


def test_an_administrator_of_another_unit_may_not(company: Company) -> None:
    mail = failed(delivery(company))
    eve = officer("eve", Role.TOKEN_ADMINISTRATOR, unit="Sued")
    for verb in VERBS.values():
        with pytest.raises(NotAllowed):
            verb(eve, mail)


def test_a_system_administrator_retries_and_does_not_discard(company: Company) -> None:
    mail = failed(delivery(company))
    olga = officer("olga", Role.SYSTEM_ADMINISTRATOR)
    with pytest.raises(NotAllowed):
        VERBS["discard"](olga, mail)
    VERBS["retry"](olga, mail)
    assert OutgoingMail.objects.get(pk=mail.pk).state == MailState.QUEUED


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_giving_up_wants_a_reason(company: Company, reason: str) -> None:
    mail = failed(delivery(company))
    before = facts()
    with pytest.raises(NotPossible) as refusal:
        outbox_actions.discard(actor=company.ada, mail_id=mail.pk, reason=reason)
    assert refusal.value.field == "reason"
    with pytest.raises(NotPossible):
        outbox_actions.discard_many(actor=company.ada, mail_ids=[mail.pk], reason=reason)
    assert facts() == before


def test_of_many_what_has_moved_on_is_left_alone(company: Company) -> None:
    mail = failed(delivery(company))
    information = sent(OutgoingMail.objects.get(message="information"))
    tally = outbox_actions.retry_many(actor=company.ada, mail_ids=[information.pk, mail.pk])
    assert tally == outbox_actions.Tally(done=1, stale=1)


def test_what_has_no_text_any_more_is_not_sent_empty(company: Company) -> None:
    mail = failed(delivery(company))
    anonymisation.empty_texts(OutgoingMail.objects.filter(pk=mail.pk))
    visitor = officer("vera", Role.TOKEN_ADMINISTRATOR)

    with pytest.raises(NotPossible, match="kept no longer"):
        outbox_actions.retry(actor=company.ada, mail_id=mail.pk)

    page = signed_in(visitor).get(reverse("console:mail", args=[mail.pk])).content.decode()
    assert "kept no longer" in page
    assert reverse("console:mail-retry", args=[mail.pk]) not in page
    assert outbox_actions.discard(actor=company.ada, mail_id=mail.pk, reason="x").state == MailState.DISCARDED


# --- Sense ----------------------------------------------------------------------------------------
def send_due() -> None:
    for mail in OutgoingMail.objects.queued():
        step7_deliver.send(mail_id=mail.pk)


def test_an_invitation_to_a_cancelled_request_is_not_sent(company: Company) -> None:
    request = company.request_in("awaiting_acceptance")
    cancellation.cancel(actor=company.ada, request_id=request.pk, reason="left")

    send_due()

    row = OutgoingMail.objects.get(message="information")
    assert row.state == MailState.DISCARDED
    assert "Cancelled" in row.discard_reason
    assert AuditEvent.objects.filter(name="mail.discarded", actor=None).count() == 1
    assert [each for each in mailbox.stored_messages() if "terms" in each.body("plain").lower()] == []


def test_an_approver_is_not_asked_about_what_another_decided(company: Company) -> None:
    request = company.request_in("requested")
    step2_approve.approve(actor=company.paul, request_id=request.pk, snapshot_hash=request.snapshot_hash)

    send_due()

    states = OutgoingMail.objects.filter(message="approval_needed").values_list("state", flat=True)
    assert set(states) == {MailState.DISCARDED}
    assert OutgoingMail.objects.get(message="information").state == MailState.SENT


def test_a_file_of_a_revoked_token_is_not_sent(company: Company) -> None:
    mail = delivery(company)
    assert mail.token is not None
    revoke.revoke_token(actor=company.uma, token_id=mail.token.pk, reason=RevocationReason.UNSPECIFIED)

    send_due()

    assert OutgoingMail.objects.get(pk=mail.pk).state == MailState.DISCARDED
    assert SoftwareToken.objects.get().delivery == "queued"


def test_a_mail_whose_files_are_gone_is_not_sent_without_them(company: Company) -> None:
    """The mail server was away for so long that retention came first."""
    token = company.request_in("completed").tokens.get()
    mail = resending.send_again(actor=company.uma, token_id=token.pk, container_format="standard")
    anonymisation.remove_containers(token)

    step7_deliver.send(mail_id=mail.pk)

    mail.refresh_from_db()
    assert (mail.state, mail.discard_reason) == (MailState.DISCARDED, str(resending.KEPT_NO_LONGER))
    assert len([each for each in mailbox.stored_messages() if each.attachments]) == 1  # the first delivery


def test_a_token_does_not_wait_for_a_mail_whose_files_are_gone(company: Company) -> None:
    """Its first mail had come back; nor is a file offered that is kept no longer."""
    token = company.request_in("completed").tokens.get()
    first = OutgoingMail.objects.get(message="delivery")
    outbox_actions.report_bounce(actor=company.ada, mail_id=first.pk, reason="no such mailbox")
    assert SoftwareToken.objects.to_be_fetched().exists()
    uma = signed_in(company.uma)
    assert "Fetch your file" in uma.get(reverse("selfservice:open-tasks")).text
    again = resending.send_again(actor=company.uma, token_id=token.pk, container_format="standard")
    anonymisation.remove_containers(token)

    step7_deliver.send(mail_id=again.pk)

    token.refresh_from_db()
    assert (token.state, token.delivery) == ("active", "bounced")
    assert AuditEvent.objects.filter(name="token.delivery-failed").count() == 2
    assert not SoftwareToken.objects.to_be_fetched().exists()
    for name, keys in (("open-tasks", []), ("certificates", []), ("token", [token.pk]), ("requests", [])):
        page = uma.get(reverse(f"selfservice:{name}", args=keys)).text
        assert "etch the file" not in page
        assert "Fetch your file" not in page
        assert "to be fetched" not in page


def of_a_token_on_hold(company: Company, mail: OutgoingMail) -> OutgoingMail:
    assert mail.token is not None
    hold.put_on_hold(actor=company.ada, token_id=mail.token.pk, reason="the laptop is missing")
    return mail


def test_files_of_a_mail_that_is_given_up_during_a_hold_wait_in_self_service_after_it(
    company: Company,
) -> None:
    mail = of_a_token_on_hold(company, delivery(company))

    outbox_actions.discard(actor=company.ada, mail_id=mail.pk, reason="left the company's mail")

    token = hold.reinstate(actor=company.ada, token_id=SoftwareToken.objects.get().pk)
    assert (token.state, token.delivery) == ("sealed", "bounced")
    assert SoftwareToken.objects.to_be_fetched().exists()


def test_a_mail_that_came_back_during_a_hold_has_not_delivered_the_token(company: Company) -> None:
    request = cast.delivered(company.request_in("issued"))
    mail = of_a_token_on_hold(company, OutgoingMail.objects.get(message="delivery"))

    outbox_actions.report_bounce(actor=company.ada, mail_id=mail.pk, reason="no such mailbox")

    token = hold.reinstate(actor=company.ada, token_id=request.tokens.get().pk)
    assert (cast.noted(token).state, token.delivery) == ("sealed", "bounced")


def test_what_tells_of_the_end_is_sent(company: Company) -> None:
    company.request_in("lapsed")
    send_due()
    assert OutgoingMail.objects.get(message="request_lapsed").state == MailState.SENT
    assert OutgoingMail.objects.get(message="information").state == MailState.DISCARDED


def test_a_file_waits_for_a_person_on_leave(company: Company) -> None:
    mail = delivery(company)
    uma = Person.objects.get(pk=company.uma.pk)
    uma.deactivate()
    uma.save()

    found = mail_relevance.obstacle(OutgoingMail.objects.get(pk=mail.pk))

    assert isinstance(found, DeliveryFault)
    assert found.kind == MailFault.PASSING


# --- Modes, faults, finishing ---------------------------------------------------------------------
@pytest.mark.parametrize(
    ("mode", "files", "after"), [("attachment", 1, "sent"), ("link", 0, "offered"), ("both", 1, "sent")]
)
def test_each_mode(company: Company, settings: Settings, mode: str, files: int, after: str) -> None:
    settings.DELIVERY_MODE = mode
    mail = delivery(company)
    assert mail.delivery_mode == mode
    step7_deliver.send(mail_id=mail.pk)
    (stored,) = [each for each in mailbox.stored_messages() if "file" in each.message["Subject"]]
    assert len(stored.attachments()) == files
    assert ("/files/" in mail.body_text) == (mode != "attachment")
    assert SoftwareToken.objects.get().delivery == after


def test_a_mail_keeps_the_mode_that_its_words_speak_of(company: Company, settings: Settings) -> None:
    settings.DELIVERY_MODE = "link"
    mail = delivery(company)
    settings.DELIVERY_MODE = "attachment"
    step7_deliver.send(mail_id=mail.pk)
    (stored,) = [each for each in mailbox.stored_messages() if "file" in each.message["Subject"]]
    assert stored.attachments() == []


def test_a_fault_of_the_configuration_waits_and_is_logged(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    mail = delivery(company)
    mail.attempts = 1
    outbox.settle_fault(mail, DeliveryFault(MailFault.CONFIGURATION, "SMTP 535", "535 bad credentials"))
    row = OutgoingMail.objects.get(pk=mail.pk)
    assert (row.state, row.fault) == (MailState.QUEUED, MailFault.CONFIGURATION)
    assert row.next_attempt_at is not None
    assert row.next_attempt_at - timezone.now() < timedelta(minutes=1)
    assert "SMTP 535" in caplog.text
    assert "uma" not in caplog.text


def test_one_that_bounced_after_all_was_done_leaves_the_token_active(
    company: Company, settings: Settings
) -> None:
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "t"}
    company.request_in("completed")
    mail = OutgoingMail.objects.get(message="delivery")
    OutgoingMail.objects.filter(pk=mail.pk).update(provider_id="x")
    event = MailEvent.objects.create(
        key="k", provider="P", kind="bounced", message_id="x", code="P: bounced", detail="gone"
    )
    mail = OutgoingMail.objects.get(pk=mail.pk)

    bounces.apply_early(mail)

    token = SoftwareToken.objects.get()
    assert (token.state, token.delivery) == ("active", "bounced")
    assert SoftwareToken.objects.to_be_fetched().get() == token
    event.refresh_from_db()
    assert event.mail == mail


def test_nobody_is_written_to_without_an_address(company: Company) -> None:
    Person.objects.filter(pk=company.ada.pk).update(email="")
    company.ada.refresh_from_db()
    request = cast.enabled(company.ada, company.uma, company.signature)
    step2_approve.approve(actor=company.paul, request_id=request.pk, snapshot_hash=request.snapshot_hash)
    row = OutgoingMail.objects.get(message="approved")
    assert (row.state, row.discard_reason) == ("discarded", outbox.NO_ADDRESS)


@pytest.mark.parametrize("message", sorted(NOTICES))
@pytest.mark.parametrize("state", ["new", "failed"])
def test_a_notice_of_account_or_identity_is_not_discarded(message: str, state: str, company: Company) -> None:
    mail = STATES[state](outbox.enqueue(account_messages.password_set(company.uma)))
    OutgoingMail.objects.filter(pk=mail.pk).update(message=message)
    with pytest.raises(NotPossible) as refused:
        outbox_actions.discard(actor=company.ada, mail_id=mail.pk, reason="no use")
    assert refused.value.reason == outbox_actions.NOTICE
    assert outbox_actions.discard_many(actor=company.ada, mail_ids=[mail.pk], reason="no").done == 0
    mail.refresh_from_db()
    assert mail.state != "discarded"
    text = signed_in(company.ada).get(reverse("console:mail", args=[mail.pk])).text
    assert str(outbox_actions.NOTICE) in text
    assert reverse("console:mail-discard", args=[mail.pk]) not in text


def test_a_notice_whose_text_is_gone_can_be_discarded(company: Company) -> None:
    mail = failed(outbox.enqueue(account_messages.password_set(company.uma)))
    OutgoingMail.objects.filter(pk=mail.pk).update(body_text="", body_html="")
    assert outbox_actions.discard(actor=company.ada, mail_id=mail.pk, reason="no use").state == "discarded"


def test_what_is_discarded_at_once_holds_no_notice(company: Company) -> None:
    notice = failed(outbox.enqueue(account_messages.password_set(company.uma)))
    other = failed(delivery(company))
    ada = signed_in(company.ada)
    address = reverse("console:mails-discard") + "?state=trouble"
    assert ada.get(reverse("console:outbox") + "?state=trouble").context["to_discard"] == 1
    sent = {"reason": "no use", "as_of": timezone.now().isoformat()}
    ada.post(address, sent)
    states = dict(OutgoingMail.objects.values_list("pk", "state"))
    assert (states[notice.pk], states[other.pk]) == ("failed", "discarded")


def test_every_notice_of_account_or_identity_is_known() -> None:
    """What account_messages writes, and of person_messages all about identities, whatever is added there."""
    written = {
        name
        for module in (account_messages, person_messages)
        for name, each in vars(module).items()
        if getattr(each, "__module__", "") == module.__name__ and not name.startswith("_")
    }
    assert {name for name in written if not name.startswith("person_")} <= NOTICES
