"""A person is erased: no table, no index and no mail holds their name any more, and the log still fits."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import time_machine
from django.conf import settings as installed
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Q, QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from pytest_django import Settings

from ca_bridge.connection import registry
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import Refused as RefusedByCa
from ca_bridge.contract import RevocationReason
from ca_bridge.models import CaOrder, SurplusCertificate
from identity_manager.audit import heads, sealing, verification
from identity_manager.mail import outbox
from identity_manager.mail.messages import account_messages, batch_messages
from identity_manager.models import (
    Account,
    AuditEvent,
    AuditSalt,
    BatchLine,
    BatchOrder,
    BatchSource,
    CaComparison,
    CaFinding,
    Certificate,
    DirectoryLink,
    DirectoryRun,
    DirectoryRunLine,
    DirectorySource,
    FindingKind,
    FindingState,
    LineOutcome,
    OutgoingMail,
    Person,
    PersonErasure,
    Placement,
    PlacementState,
    Role,
    ScimResource,
    SoftwareToken,
    Target,
    TokenRequest,
)
from identity_manager.models.directory.scim import ScimKind
from identity_manager.models.directory.source import RunMode
from identity_manager.models.person_search import suggestions
from identity_manager.people import anonymisation, erasure, saved_searches
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from identity_manager.vault import wrapping as vault
from identity_manager.workflow import step2_approve
from identity_manager.workflow.issuance import retry
from identity_manager.workflow.people import sign_in_codes
from identity_manager.workflow.requests import cancellation
from identity_manager.workflow.revocation import revoke
from tests.sinks import places
from tests.tools import cast, targets
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.long

NAME = "Xanthippe"
SURNAME = "Quetzalcoatl"
MARKS = (NAME, SURNAME, "xq@example.net", "P-XQ-77", "S-1-5-21-9-8-7-6543", "Secretdepartment", "whisper")


@pytest.fixture
def company(db: None) -> Company:
    return Company()


@pytest.fixture
def rolf(company: Company) -> Person:
    return cast.person("rolf", roles=(Role.REGISTRATION_OFFICER,), sid="")


@pytest.fixture
def leaver(company: Company) -> Person:
    """Somebody with a full life: account, code, two requests, a token that was revoked; locked long ago."""
    person = cast.person(
        "xq",
        roles=(Role.SELF_SERVICE_USER, Role.TOKEN_ADMINISTRATOR),
        given_name=NAME,
        surname=SURNAME,
        display_name=f"{NAME} {SURNAME}",
        personnel_number="P-XQ-77",
        email="xq@example.net",
        upn="xq@example.net",
        sid="S-1-5-21-9-8-7-6543",
        department="Secretdepartment",
        external_id="whisper",
    )
    account = Account.objects.create_account(username="xq@example.net", person=person, password="long enough")
    Client().force_login(account)
    saved_searches.keep(actor=person, name="whisper", kind="employee", query="kind=employee&q=whisper")
    request = issued_at_the_second_try(company, person)
    token = cast.delivered(request).tokens.get()
    cast.noted(token)
    revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE)
    for certificate in token.certificates.all():
        revoke.revoke_at_ca(certificate_id=certificate.pk)
    asked = cast.enabled(company.ada, person, company.signature)
    step2_approve.reject(
        actor=company.paul, request_id=asked.pk, snapshot_hash=asked.snapshot_hash, reason=f"whisper {NAME}"
    )
    code = sign_in_codes.ask(actor=company.rita, person_id=person.pk)
    sign_in_codes.withdraw(actor=company.rita, code_id=code.pk)
    sealing.seal()
    heads.sign()
    person = Person.objects.get(pk=person.pk)
    person.lock()
    person.save()
    Person.objects.filter(pk=person.pk).update(updated_at=timezone.now() - timedelta(days=400))
    return Person.objects.get(pk=person.pk)


def issued_at_the_second_try(company: Company, person: Person) -> TokenRequest:
    """The CA refuses the first order, which stays in the journal; the second one has another key."""
    request = cast.accepted(cast.enabled(company.ada, person, company.vpn))
    refusal = RefusedByCa("no", "whisper")
    with mock.patch.object(type(registry.connector("corporate")), "issue", return_value=refusal):
        cast.issued(request)
    retry.retry(actor=company.ada, request_id=request.pk)
    assert CaOrder.objects.count() == 1
    return cast.issued(TokenRequest.objects.get(pk=request.pk))


def erase(company: Company, rolf: Person, person: Person) -> PersonErasure:
    asked = erasure.ask(actor=company.rita, person_id=person.pk)
    return erasure.confirm(actor=rolf, erasure_id=asked.pk)


def tables_with(marks: tuple[str, ...]) -> set[str]:
    looked_for = [mark.lower().encode() for mark in marks]
    found = set()
    for where, content in places.database_rows():
        text = content.lower()
        if any(mark in text for mark in looked_for):
            found.add(where)
    return found


@pytest.mark.database
def test_no_table_no_index_and_no_mail_holds_the_name(company: Company, rolf: Person, leaver: Person) -> None:
    suggestions.learn(Person.objects.all(), [leaver.pk])
    before = {where.split(".")[0] for where in tables_with(MARKS)}
    assert {
        "identity_manager_person",
        "identity_manager_account",
        "identity_manager_softwaretoken",
        "identity_manager_certificate",
        "identity_manager_outgoingmail",
        "identity_manager_auditevent",
        "identity_manager_nameword",
        "ca_bridge_caorder",
        IssuedCertificate._meta.db_table,
    } <= before

    erase(company, rolf, leaver)

    assert tables_with(MARKS) == set()


def test_whose_surplus_certificate_is_not_revoked_is_not_erased(
    company: Company, rolf: Person, leaver: Person
) -> None:
    """What the CA issued beside what is used could be revoked by nobody, once it is forgotten here."""
    order = CaOrder.objects.exclude(certificate=b"").get()
    surplus = SurplusCertificate.objects.create(
        order=order,
        certificate=order.certificate,
        sha256_fingerprint="ab" * 32,
        not_after=timezone.now() + timedelta(days=30),
    )

    with pytest.raises(NotPossible) as refusal:
        erase(company, rolf, leaver)

    assert refusal.value.reason == erasure.UNDER_WAY_STILL
    SurplusCertificate.objects.filter(pk=surplus.pk).update(revoked_at=timezone.now())
    assert erase(company, rolf, leaver).erased_at


def test_whose_certificate_is_still_at_a_target_is_not_erased(
    company: Company, rolf: Person, leaver: Person, settings: Settings
) -> None:
    """Values are removed only where they are compared with the certificate, which is erased."""
    settings.TARGETS = {targets.NAME: targets.configured()}
    row = Placement.objects.create(
        target=Target.objects.create(name=targets.NAME),
        certificate=Certificate.objects.filter(token__person=leaver).first(),
        place="entry-of-xq",
        state=PlacementState.THERE,
    )
    with pytest.raises(NotPossible):
        erase(company, rolf, leaver)
    Placement.objects.filter(pk=row.pk).update(state=PlacementState.FOREIGN)
    erase(company, rolf, leaver)
    row.refresh_from_db()
    assert row.place == erasure.FORGOTTEN


def test_whose_certificate_waits_for_a_word_after_a_comparison_is_not_erased(
    company: Company, rolf: Person, leaver: Person
) -> None:
    """What was found at the CA names them, and is to be revoked."""
    certificate = Certificate.objects.get(token__person=leaver)
    finding = CaFinding.objects.create(
        comparison=CaComparison.objects.create(alias="corporate", since=timezone.now()),
        kind=FindingKind.UNKNOWN,
        token_certificate=certificate,
        certificate=b"another one",
        issuer=certificate.issuer,
        serial="5e",
        subject=certificate.subject,
        not_before=timezone.now(),
        not_after=timezone.now() + timedelta(days=30),
    )
    with pytest.raises(NotPossible) as refusal:
        erase(company, rolf, leaver)

    assert refusal.value.reason == erasure.UNDER_WAY_STILL
    finding.close(FindingState.REVOKED, now=timezone.now())
    finding.save()
    assert erase(company, rolf, leaver).erased_at


def test_every_field_of_the_record_is_as_if_nobody_had_filled_it(
    company: Company, rolf: Person, leaver: Person
) -> None:
    Person.objects.filter(pk=leaver.pk).update(external_id="xq-77", manager=company.uma, language="de")

    erase(company, rolf, leaver)

    leaver.refresh_from_db()
    filled = {
        field.name
        for field in Person._meta.concrete_fields
        if getattr(leaver, field.attname) != field.get_default()
    }
    assert filled <= erasure.STAY_ON_THE_RECORD


def test_nor_what_others_said_of_them(company: Company, rolf: Person, leaver: Person) -> None:
    """Why a CA refused, why a mail was given up, and whom a file of a batch order named twice."""
    person = cast.person("ex")
    request = cast.accepted(cast.enabled(company.ada, person, company.vpn))
    refusal = RefusedByCa(f"{NAME} is not known", "")
    with mock.patch.object(type(registry.connector("corporate")), "issue", return_value=refusal):
        cast.issued(request)
    cancellation.cancel(actor=company.ada, request_id=request.pk, reason="left")
    TokenRequest.objects.filter(pk=request.pk).update(person=leaver)
    SoftwareToken.objects.filter(request=request).update(person=leaver)
    AuditEvent.objects.filter(person=person).update(person=leaver)
    OutgoingMail.objects.filter(request=request).update(discard_reason=f"{NAME} has left")
    order = BatchOrder.objects.create(asked_by=company.ada, source=BatchSource.FILE, total=1)
    BatchLine.objects.create(
        order=order, position=1, personnel_number=leaver.personnel_number, outcome=LineOutcome.REFUSED
    )

    erase(company, rolf, leaver)

    assert tables_with(MARKS) == set()
    assert TokenRequest.objects.get(pk=request.pk).failure_facts == {"profile": "Client"}


@pytest.mark.parametrize("is_kept", [True, False], ids=["the register is here", "the register is gone"])
def test_who_has_certificates_of_a_ca_that_is_another_one_now(
    company: Company, rolf: Person, leaver: Person, settings: Settings, *, is_kept: bool
) -> None:
    """The connection has had an embedded CA of another name, or a CA elsewhere, when they were issued."""
    corporate = settings.CA_CONNECTORS["corporate"]
    options = corporate["OPTIONS"] | {"name": "another"}
    settings.CA_CONNECTORS = {"corporate": corporate | {"OPTIONS": options}}
    if not is_kept:
        IssuedCertificate.objects.all().delete()

    assert erase(company, rolf, leaver).erased_at

    assert tables_with(MARKS) == set()


@pytest.mark.usefixtures("sqlite_only")
@pytest.mark.django_db(transaction=True)
def test_nor_does_the_database_file(settings: Settings) -> None:
    company = Company()
    rolf = cast.person("rolf", roles=(Role.REGISTRATION_OFFICER,), sid="")
    registry.connector("corporate").initialise()
    person = cast.person("xq", surname=SURNAME, display_name=f"{NAME} {SURNAME}", roles=(), sid="")
    person.lock()
    person.save()
    Person.objects.filter(pk=person.pk).update(updated_at=timezone.now() - timedelta(days=400))
    assert list(file_places(SURNAME))
    erase(company, rolf, Person.objects.get(pk=person.pk))
    assert vault.erase_traces()
    assert list(file_places(SURNAME)) == []


def file_places(mark: str) -> Iterator[str]:
    database = Path(str(connection.settings_dict["NAME"]))
    for path in database.parent.glob(f"{database.name}*"):
        if mark.lower().encode() in path.read_bytes().lower():
            yield path.name
    with closing(sqlite3.connect(database)) as dumped:
        if mark.casefold() in "\n".join(dumped.iterdump()).casefold():
            yield "dump"


def test_what_an_installation_answers_for_stays(company: Company, rolf: Person, leaver: Person) -> None:
    serials = set(Certificate.objects.filter(token__person=leaver).values_list("issuer", "serial", "state"))
    states = list(TokenRequest.objects.filter(person=leaver).order_by("pk").values_list("state", flat=True))
    erase(company, rolf, leaver)
    stayed = Certificate.objects.filter(token__person=leaver).values_list("issuer", "serial", "state")
    assert set(stayed) == serials
    requests = TokenRequest.objects.filter(person=leaver).order_by("pk")
    assert list(requests.values_list("state", flat=True)) == states
    assert registry.connector("corporate").renew_crl_if_due() in (True, False)


def test_no_directory_knows_or_collects_them_again(company: Company, rolf: Person, leaver: Person) -> None:
    source = DirectorySource.objects.create(name="hr")
    user = ScimResource.objects.create(
        source=source, kind=ScimKind.USER, name_key="xq", external_key="xq-1", body={"userName": "xq"}
    )
    kept = ScimResource.objects.create(
        source=source, kind=ScimKind.USER, name_key="other", body={"userName": "other"}
    )
    members = [{"value": str(user.pk), "display": "Xq"}, {"value": str(kept.pk), "display": "Other"}]
    group = ScimResource.objects.create(
        source=source, kind=ScimKind.GROUP, name_key="all", body={"displayName": "All", "members": members}
    )
    DirectoryLink.objects.create(source=source, person=leaver, external_id=str(user.pk), key="CN=Xq")
    run = DirectoryRun.objects.create(source=source, mode=RunMode.FULL)
    about: dict[str, Any] = {"run": run, "outcome": "refused", "values": {"email": "xq@example.net"}}
    DirectoryRunLine.objects.create(person=leaver, external_id="before", **about)
    DirectoryRunLine.objects.create(external_id=str(user.pk), **about)

    erase(company, rolf, leaver)

    assert not DirectoryLink.objects.exists()
    assert not DirectoryRunLine.objects.exists()
    user.refresh_from_db()
    assert (user.body, user.name_key, user.external_key) == ({}, "", "")
    assert user.deleted_at is not None
    assert ScimResource.objects.get(pk=kept.pk).body == {"userName": "other"}
    group.refresh_from_db()
    assert group.body == {"displayName": "All", "members": members[1:]}
    assert group.version == 2


def test_the_audit_log_still_fits(company: Company, rolf: Person, leaver: Person) -> None:
    references = set(AuditEvent.objects.filter(person=leaver).values_list("person_ref", flat=True))
    with time_machine.travel(timezone.now() + timedelta(days=100)):
        erase(company, rolf, leaver)
        sealing.seal()
    assert verification.verify().findings == []
    assert not AuditSalt.objects.filter(person=leaver).exists()
    assert not AuditEvent.objects.filter(person=leaver).exists()
    assert not AuditEvent.objects.filter(actor=leaver).exists()
    assert AuditEvent.objects.filter(person_ref__in=references).exists()
    event = AuditEvent.objects.get(name="person.erased")
    assert (event.actor, event.person, event.facts["person"]) == (rolf, None, str(leaver.pk))
    assert references == {event.facts["reference"]}


def test_the_account_opens_nothing_and_its_sessions_are_gone(
    company: Company, rolf: Person, leaver: Person
) -> None:
    sessions = Session.objects.count()
    erase(company, rolf, leaver)
    account = Account.objects.get(person=leaver)
    assert not account.has_usable_password()
    assert not account.is_active
    assert Session.objects.count() == sessions - 1


def test_their_pages_still_open(company: Company, rolf: Person, leaver: Person) -> None:
    erase(company, rolf, leaver)
    browser = signed_in(company.ada)
    pages = [f"/persons/{leaver.pk}/", *(f"/requests/{row.pk}/" for row in leaver.requests.all())]
    for page in pages:
        answer = browser.get(page)
        assert answer.status_code == 200, page
        assert "Erased person" in answer.text
        assert not any(mark.casefold() in answer.text.casefold() for mark in MARKS)


def test_mails_to_others_about_the_person_are_emptied_too(
    company: Company, rolf: Person, leaver: Person
) -> None:
    about = OutgoingMail.objects.filter(request__person=leaver).exclude(person=leaver)
    assert about.exists()
    erase(company, rolf, leaver)
    assert set(about.values_list("body_text", "subject")) == {("", "")}


OF_THE_OFFICER = {
    "information",
    "approval_needed",
    "request_cancelled",
    "batch_waits",
    "batch_undecided",
    "break_glass_used",
}


@pytest.fixture
def officers_mails(company: Company) -> Person:
    """Somebody locked long ago, with an apostrophe in the name; others were told of what they have done."""
    officer = cast.person(
        "xq",
        roles=(Role.TOKEN_ADMINISTRATOR,),
        given_name="X'",
        surname=SURNAME,
        display_name=f"X' {SURNAME}",
        sid="",
    )
    cast.enabled(officer, company.uma, company.vpn)
    waiting = cast.enabled(officer, cast.person("ulf"), company.signature)
    cancellation.cancel(actor=officer, request_id=waiting.pk, reason="not needed")
    of_another = cast.enabled(company.ada, cast.person("udo"), company.vpn)
    cancellation.cancel(actor=officer, request_id=of_another.pk, reason="not needed")
    order = BatchOrder.objects.create(asked_by=officer, source=BatchSource.FILE, total=1)
    for mail in (
        batch_messages.batch_waits(order, company.paul, key="today"),
        batch_messages.batch_undecided(order, company.ada, possible=False, key="today"),
        account_messages.break_glass_used(company.ada, officer=officer),
    ):
        outbox.enqueue(mail)
    officer.lock()
    officer.save()
    Person.objects.filter(pk=officer.pk).update(updated_at=timezone.now() - timedelta(days=400))
    assert set(naming(SURNAME).values_list("message", flat=True)) == OF_THE_OFFICER
    return Person.objects.get(pk=officer.pk)


def naming(name: str) -> QuerySet[OutgoingMail]:
    return OutgoingMail.objects.filter(Q(body_text__contains=name) | Q(body_html__contains=name))


@pytest.mark.database
def test_mails_to_others_about_an_officers_work_name_them_no_more(
    company: Company, rolf: Person, officers_mails: Person
) -> None:
    OutgoingMail.objects.update(state="sent")
    their = [mail.pk for mail in naming(SURNAME)]
    others = OutgoingMail.objects.exclude(pk__in=their)
    before = list(others.order_by("pk").values())

    erase(company, rolf, officers_mails)

    assert tables_with((SURNAME,)) == set()
    emptied = OutgoingMail.objects.filter(pk__in=their).values_list("body_text", "body_html")
    assert set(emptied) == {("", "")}
    assert list(others.order_by("pk").values()) == before


@pytest.mark.database
def test_one_that_is_still_to_be_sent_says_nobodys_name(
    company: Company, rolf: Person, officers_mails: Person
) -> None:
    OutgoingMail.objects.update(state="queued")
    their = {mail.pk: mail.body_text for mail in naming(SURNAME)}

    erase(company, rolf, officers_mails)

    assert not naming(SURNAME).exists()
    nobody = Person.objects.get(pk=officers_mails.pk).display_name
    for mail in OutgoingMail.objects.filter(pk__in=their):
        assert mail.body_text == their[mail.pk].replace(officers_mails.display_name, nobody)
        assert nobody in mail.body_html


def test_a_short_name_is_taken_out_as_a_word() -> None:
    text = "An hat Anna angelegt: https://im.example/an/Anna (An)"
    assert anonymisation._replaced(text, "An", "X") == "X hat Anna angelegt: https://im.example/an/Anna (X)"


@pytest.mark.usefixtures("sqlite_only")
def test_no_mail_of_others_is_looked_at(company: Company, rolf: Person, officers_mails: Person) -> None:
    """The outbox has ten million rows, and a page half a minute."""
    asked = erasure.ask(actor=company.rita, person_id=officers_mails.pk)
    with CaptureQueriesContext(connection) as said:
        erasure.confirm(actor=rolf, erasure_id=asked.pk)
    outbox_table = OutgoingMail._meta.db_table
    plans = []
    with connection.cursor() as cursor:
        for query in said:
            if query["sql"].startswith(("SELECT", "UPDATE")) and outbox_table in query["sql"]:
                cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
                plans += [row[3] for row in cursor.fetchall()]
    assert [plan for plan in plans if outbox_table in plan]
    assert [plan for plan in plans if plan.startswith("SCAN")] == []


def test_every_mail_that_names_who_did_something_is_known_to_erasing() -> None:
    """By what its templates say of an officer."""
    known = {
        "requested_by": set(anonymisation.NAME_WHO_ASKED),
        "asked_by.": set(anonymisation.NAME_WHO_GAVE_THE_ORDER),
        "=by.": set(anonymisation.NAME_WHO_CANCELLED),
        "officer.": set(anonymisation.NAME_WHO_SIGNED_IN),
    }
    named: dict[str, set[str]] = {word: set() for word in known}
    for template in (Path(installed.BASE_DIR) / "templates" / "emails").glob("*/*"):
        for word in known:
            if word in template.read_text(encoding="utf-8"):
                named[word].add(template.parent.name)
    assert named == known


def test_others_stay_as_they_are(company: Company, rolf: Person, leaver: Person) -> None:
    company.request_in("completed")
    before = picture_of(company.uma)
    erase(company, rolf, leaver)
    assert picture_of(company.uma) == before


def picture_of(person: Person) -> list[Any]:
    return [
        list(Person.objects.filter(pk=person.pk).values()),
        list(SoftwareToken.objects.filter(person=person).values()),
        list(OutgoingMail.objects.filter(person=person).order_by("pk").values()),
        list(AuditEvent.objects.filter(person=person).order_by("pk").values()),
    ]


@contextmanager
def refused(kind: type[Refused], code: str) -> Iterator[None]:
    with pytest.raises(kind) as caught:
        yield
    assert caught.value.reason.code == code


# --- Refusals --------------------------------------------------------------------------------------
def everything() -> list[Any]:
    models = (Person, PersonErasure, TokenRequest, SoftwareToken, OutgoingMail, AuditEvent, Account)
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.mark.parametrize("state", ["registered", "active", "inactive"])
def test_only_who_is_locked_is_erased(company: Company, state: str) -> None:
    person = cast.person("eve", state=state, sid="")
    before = everything()
    with refused(NotPossible, "not-locked"):
        erasure.ask(actor=company.rita, person_id=person.pk)
    assert everything() == before


def test_not_too_early(company: Company, leaver: Person) -> None:
    Person.objects.filter(pk=leaver.pk).update(updated_at=timezone.now())
    with refused(NotPossible, "too-early"):
        erasure.ask(actor=company.rita, person_id=leaver.pk)


@pytest.mark.parametrize(("language", "day"), [("en", "3 June 2026"), ("de", "3. Juni 2026")])
def test_until_which_day_the_records_are_kept_is_said(leaver: Person, language: str, day: str) -> None:
    """The day of who reads: 90 days after the locking it is past midnight in Berlin, not yet in UTC."""
    Person.objects.filter(pk=leaver.pk).update(updated_at=datetime(2026, 3, 4, 22, 30, tzinfo=UTC))
    leaver.refresh_from_db()
    reading = timezone.override("Europe/Berlin"), translation.override(language)
    with time_machine.travel(datetime(2026, 3, 5, tzinfo=UTC)), reading[0], reading[1]:
        assert day in str(erasure.obstacle(leaver))


def test_not_while_something_is_alive(company: Company, leaver: Person) -> None:
    Certificate.objects.filter(token__person=leaver).update(state="valid")
    with refused(NotPossible, "erasure-under-way"):
        erasure.ask(actor=company.rita, person_id=leaver.pk)


def test_an_expired_certificate_is_not_alive(company: Company, rolf: Person, leaver: Person) -> None:
    past = timezone.now() - timedelta(days=1)
    Certificate.objects.filter(token__person=leaver).update(state="valid", not_after=past)
    assert erase(company, rolf, leaver).erased_at


def test_a_second_officer_confirms(company: Company, leaver: Person) -> None:
    asked = erasure.ask(actor=company.rita, person_id=leaver.pk)
    before = everything()
    with refused(NotAllowed, "same-officer"):
        erasure.confirm(actor=company.rita, erasure_id=asked.pk)
    for other in (company.ada, company.uma, company.paul):
        with pytest.raises(NotAllowed):
            erasure.confirm(actor=other, erasure_id=asked.pk)
    assert everything() == before


def test_an_officer_of_another_unit_may_not(company: Company, leaver: Person) -> None:
    south = cast.person("sven", roles=(), sid="")
    south.roles.create(role=Role.REGISTRATION_OFFICER, organisational_unit="Sued")
    with pytest.raises(NotAllowed):
        erasure.ask(actor=south, person_id=leaver.pk)


def test_it_is_asked_once_and_can_be_called_off(company: Company, rolf: Person, leaver: Person) -> None:
    asked = erasure.ask(actor=company.rita, person_id=leaver.pk)
    with refused(Stale, "erasure-asked-already"):
        erasure.ask(actor=rolf, person_id=leaver.pk)
    erasure.withdraw(actor=rolf, erasure_id=asked.pk)
    for verb in (erasure.confirm, erasure.withdraw):
        with refused(Stale, "erasure-not-waiting"):
            verb(actor=rolf, erasure_id=asked.pk)
    assert Person.objects.get(pk=leaver.pk).surname == SURNAME


def test_nobody_is_erased_twice(company: Company, rolf: Person, leaver: Person) -> None:
    erase(company, rolf, leaver)
    with refused(Refused, "erased-already"):
        erasure.ask(actor=company.rita, person_id=leaver.pk)


def test_a_fault_half_way_changes_nothing(
    company: Company, rolf: Person, leaver: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = erasure.ask(actor=company.rita, person_id=leaver.pk)
    before = everything()

    def fails(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(erasure.person_search, "forget", fails)
    with pytest.raises(OSError, match="disk full"):
        erasure.confirm(actor=rolf, erasure_id=asked.pk)
    assert everything() == before
