"""Each way to manipulate the log by raw SQL is found, and where."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from identity_manager import audit, audit_proof
from identity_manager.audit import head_export, heads, known_heads, sealing, verification
from identity_manager.audit.verification import AuditFault
from identity_manager.catalogue import types
from identity_manager.models import (
    Account,
    AuditEvent,
    AuditHead,
    AuditSalt,
    HeadKind,
    OutgoingMail,
    Person,
    Role,
    TokenRequest,
    TokenType,
)
from identity_manager.people import persons
from identity_manager.people.sign_in import attempts
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.requests import cancellation
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.database, pytest.mark.long]
NEWCOMER = {
    "personnel_number": "P-new",
    "given_name": "Nina",
    "surname": "Neu",
    "organisational_unit": "Nord",
}
TABLES = {
    "EVENTS": "identity_manager_auditevent",
    "HEADS": "identity_manager_audithead",
    "CHAIN": "identity_manager_auditchain",
}


def sql(statement: str, *values: Any) -> None:
    """As somebody who can write to the database, and no more."""
    for word, table in TABLES.items():
        statement = statement.replace(word, table)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def found(**options: Any) -> list[tuple[AuditFault, int]]:
    return [(finding.kind, finding.number) for finding in verification.verify(**options).findings]


def test_a_log_that_nobody_touched_is_sound(log: list[AuditEvent]) -> None:
    report = verification.verify()
    assert report.findings == []
    assert (report.first, report.last, report.events, report.heads) == (1, len(log), len(log), 1)


def test_an_empty_log_is_sound(db: None) -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", "request.approved"),
        ("at", "2001-01-01 00:00:00+00:00"),
        ("facts", '{"times": 99}'),
        ("facts", '{"reason": "nobody said so"}'),
        ("actor_ref", "0" * 64),
        ("person_ref", ""),
        ("request_id", None),
        ("personal_sha256", "1" * 64),
        ("content_sha256", "1" * 64),
        ("mac", "1" * 64),
    ],
)
def test_a_changed_event(log: list[AuditEvent], column: str, value: str | None) -> None:
    chosen = next(event for event in log if event.name == "request.rejected")
    sql(f"UPDATE EVENTS SET {column} = %s WHERE number = %s", value, chosen.number)  # noqa: S608 names of our own
    assert (AuditFault.CHANGED, chosen.number) in found()


@pytest.mark.parametrize("column", ["actor_id", "person_id"])
@pytest.mark.parametrize("other", ["sam", None])
def test_somebody_else_is_named(
    log: list[AuditEvent], company: Company, column: str, other: str | None
) -> None:
    chosen = next(event for event in log if event.name == "request.rejected")
    person = getattr(company, other) if other else None
    AuditEvent.objects.filter(pk=chosen.pk).update(**{column: person.pk if person else None})
    assert found() == [(AuditFault.CHANGED, chosen.number)]


def test_a_changed_event_that_was_sealed_anew_without_the_key(log: list[AuditEvent]) -> None:
    """Whoever knows how the chain is made, but has no key, makes the links fit; the MACs do not."""
    event = log[-1]
    event.name = "request.approved"
    digest = event.own_hash
    chain = audit_proof.link(event.previous, digest)
    AuditEvent.objects.filter(pk=event.pk).update(name=event.name, content_sha256=digest, chain=chain)
    assert (AuditFault.CHANGED, event.number) in found()


def test_a_removed_event(log: list[AuditEvent]) -> None:
    sql("DELETE FROM EVENTS WHERE number = 3")
    assert found() == [(AuditFault.REMOVED, 3)]


def test_several_removed_events_are_told_together(log: list[AuditEvent]) -> None:
    sql("DELETE FROM EVENTS WHERE number IN (3, 4)")
    (finding,) = verification.verify().findings
    assert finding.sentence == "#3 to #4 were removed."


def test_a_removed_event_whose_gap_was_closed(log: list[AuditEvent]) -> None:
    sql("DELETE FROM EVENTS WHERE number = 3")
    for number in range(4, len(log) + 1):
        sql("UPDATE EVENTS SET number = %s WHERE number = %s", number - 1, number)
    assert (AuditFault.REMOVED, 3) in found()


def test_the_first_event_removed(log: list[AuditEvent]) -> None:
    sql("DELETE FROM EVENTS WHERE number = 1")
    assert found() == [(AuditFault.BEGINNING, 2)]


@pytest.mark.parametrize(
    ("kind", "signature"),
    [(HeadKind.HEAD, None), (HeadKind.CHECKPOINT, "forged")],
    ids=["up to a head that is no checkpoint", "up to a checkpoint that nobody signed"],
)
def test_the_beginning_removed(log: list[AuditEvent], kind: HeadKind, signature: str | None) -> None:
    """Only whoever cuts the log on purpose signs that it may begin here."""
    head = heads.make(3, log[2].chain, kind=kind)
    if signature is not None:
        AuditHead.objects.filter(pk=head.pk).update(signature=signature)
    sql("DELETE FROM EVENTS WHERE number <= 3")
    assert found() == [(AuditFault.BEGINNING, 4)]


def test_two_events_that_changed_places(log: list[AuditEvent]) -> None:
    for now, then in ((2, -2), (3, 2), (-2, 3)):
        sql("UPDATE EVENTS SET number = %s WHERE number = %s", then, now)
    assert (AuditFault.MOVED, 2) in found()


def test_an_event_that_was_put_in_between(log: list[AuditEvent]) -> None:
    for number in range(len(log), 2, -1):
        sql("UPDATE EVENTS SET number = %s WHERE number = %s", number + 1, number)
    forged = AuditEvent(name="request.approved", number=3, previous=log[1].chain, mac="0" * 64, mac_key="1")
    forged.content_sha256 = forged.own_hash
    forged.chain = audit_proof.link(forged.previous, forged.content_sha256)
    forged.save(force_insert=True)
    kinds = found()
    assert (AuditFault.CHANGED, 3) in kinds  # it was not sealed here
    assert (AuditFault.INSERTED, 3) in kinds


def test_an_event_that_was_put_in_later_with_an_old_date(log: list[AuditEvent]) -> None:
    forged = AuditEvent.objects.create(name="request.approved", at=timezone.now() - timedelta(days=1))
    sealing.seal()
    forged.refresh_from_db()
    assert found() == [(AuditFault.INSERTED, forged.number)]


def test_the_end_was_cut_off(log: list[AuditEvent]) -> None:
    sql("DELETE FROM EVENTS WHERE number > %s", len(log) - 2)
    assert (AuditFault.CUT_OFF, len(log) - 1) in found()


def test_the_end_was_cut_off_and_the_sealer_misled(log: list[AuditEvent]) -> None:
    """The head in the database says that there was more."""
    cut(log, 2)
    assert found() == [(AuditFault.CUT_OFF, len(log) - 1)]


def test_the_end_was_cut_off_together_with_its_heads(log: list[AuditEvent], head: AuditHead) -> None:
    """Only a head that left the machine knows."""
    exported = known_heads.read_heads(heads.lines_of([head]))
    cut(log, 2)
    sql("DELETE FROM HEADS")
    assert found() == []
    assert found(outside=exported) == [(AuditFault.CUT_OFF, len(log) - 1)]


def cut(log: list[AuditEvent], number: int) -> None:
    last = log[-1 - number]
    sql("DELETE FROM EVENTS WHERE number > %s", last.number)
    sql("UPDATE CHAIN SET number = %s, chain = %s", last.number, last.chain)


def test_the_end_was_cut_off_and_grew_again(log: list[AuditEvent], head: AuditHead, company: Company) -> None:
    exported = known_heads.read_heads(heads.lines_of([head]))
    cut(log, 2)
    sql("DELETE FROM HEADS")
    for _ in range(4):
        audit.record(audit.Event.PERSON_CHANGED, actor=company.rita, subject=company.uma)
    sealing.seal()
    assert found() == []
    assert found(outside=exported) == [(AuditFault.HEAD, len(log))]


def test_the_whole_log_was_removed(log: list[AuditEvent]) -> None:
    sql("DELETE FROM EVENTS")
    assert (AuditFault.CUT_OFF, 1) in found()


def test_a_head_that_was_changed(log: list[AuditEvent]) -> None:
    sql("UPDATE HEADS SET chain = %s", "0" * 64)
    assert found() == [(AuditFault.HEAD, len(log))]


def test_a_head_from_outside_that_somebody_else_signed(log: list[AuditEvent], head: AuditHead) -> None:
    stranger = bytes(32)
    statement = {**head.statement, "number": 99}
    other = known_heads.KnownHead(statement, audit_proof.sign(stranger, statement), outside=True)
    assert found(outside=[other]) == [(AuditFault.HEAD, 99)]


def test_an_event_that_was_emptied_without_an_event_that_says_so(log: list[AuditEvent]) -> None:
    AuditEvent.objects.filter(number=2).update(
        name=audit.Event.FORGOTTEN, actor=None, person=None, facts={}, actor_ref="", person_ref=""
    )
    assert (AuditFault.CHANGED, 2) in found()

    audit.record(audit.Event.EVENTS_FORGOTTEN, actor=None, subject=None, number=[[1, 1]], rows=1)
    sealing.seal()
    assert (AuditFault.CHANGED, 2) in found(), "it says so of another"


def test_words_about_somebody_who_is_not_erased_were_removed(log: list[AuditEvent]) -> None:
    chosen = next(event for event in log if event.name == "request.rejected")
    AuditEvent.objects.filter(pk=chosen.pk).update(facts={}, facts_salt="")
    assert found() == [(AuditFault.CHANGED, chosen.number)]


def test_the_command_says_what_and_where_and_ends_with_one(
    log: list[AuditEvent], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("audit", "verify")
    assert "The log is as it was written." in capsys.readouterr().out

    sql("DELETE FROM EVENTS WHERE number = 3")
    with pytest.raises(CommandError) as refused:
        call_command("audit", "verify")
    assert refused.value.returncode == 1
    assert "#3 was removed." in capsys.readouterr().out


def test_the_command_takes_exported_heads(
    log: list[AuditEvent], head: AuditHead, tmp_path: Path, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.AUDIT_HEAD_EXPORT = [f"file:{tmp_path / 'heads.jsonl'}"]
    assert head_export.export() == 1
    call_command("audit", "verify", heads=[tmp_path / "heads.jsonl"])
    cut(log, 2)
    sql("DELETE FROM HEADS")
    with pytest.raises(CommandError):
        call_command("audit", "verify", heads=[tmp_path / "heads.jsonl"])
    assert "a head from outside" in capsys.readouterr().out


def test_the_command_reads_a_syslog_in_which_others_wrote_other_bytes(
    log: list[AuditEvent], head: AuditHead, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "auth.log"
    file.write_bytes(b"su: K\xf6nig\n" + heads.lines_of([head])[0].encode())
    call_command("audit", "verify", heads=[file])
    assert "The log is as it was written." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"a": 1}', "Line 1 is no head."),
        (None, "cannot be read"),
        ("Nov 28 a line of another program\n", "heads holds no head."),
        ("\n", "heads holds no head."),
    ],
)
def test_the_command_ends_with_two_where_it_cannot_check(
    db: None, tmp_path: Path, content: str | None, sentence: str
) -> None:
    path = tmp_path / "heads"
    if content:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(CommandError, match=sentence) as refused:
        call_command("audit", "verify", heads=[path])
    assert refused.value.returncode == 2


def test_an_event_that_cannot_be_written_stops_the_verb(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No change without its event: the whole transaction goes, in each package that has verbs."""
    request = company.request_in("awaiting_acceptance")
    eve = cast.person("eve", state="registered")
    account = cast_account(company)
    olga = cast.person("olga", roles=(Role.SYSTEM_ADMINISTRATOR,))
    retired = cast.token_type("retired")
    retired.retire()
    retired.save()
    verbs: dict[str, Callable[[], object]] = {
        "workflow": lambda: cancellation.cancel(actor=company.ada, request_id=request.pk, reason="x"),
        "people": lambda: persons.enter(actor=company.rita, values=NEWCOMER, active=True),
        "leave and return": lambda: leave_and_return.activate(actor=company.rita, person_id=eve.pk),
        "signing in": lambda: attempts.set_password(account=account, password="another long one"),
        "catalogue": lambda: types.activate_type(actor=olga, type_id=retired.pk, four_eyes=False),
    }
    before = picture()
    monkeypatch.setattr(QuerySet, "bulk_create", no_space_left)
    for verb in verbs.values():
        with pytest.raises(OSError, match="No space left"):
            verb()
    assert picture() == before


def no_space_left(*_: Any, **__: Any) -> None:
    raise OSError("No space left on device")


def cast_account(company: Company) -> Account:
    return Account.objects.create_account(username="uma", person=company.uma, password="a long password")


def picture() -> list[Any]:
    models = (TokenRequest, Person, Account, TokenType, OutgoingMail, AuditEvent, AuditSalt)
    return [list(model.objects.order_by("pk").values()) for model in models]
