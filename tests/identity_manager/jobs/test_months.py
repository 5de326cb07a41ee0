"""Tables divided by month: how they come to be, what stays unique, which month is made, what goes."""

import copy
import threading
import time
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import (
    DatabaseError,
    IntegrityError,
    OperationalError,
    connection,
    connections,
    models,
    transaction,
)
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.database import partitions
from ca_bridge.database.online_index import AddIndexOnline
from ca_bridge.database.partitions import execute
from identity_manager.audit import sealing, verification
from identity_manager.audit.verification import AuditFault
from identity_manager.jobs import month_division, month_partitions, retention, schedule
from identity_manager.jobs.month_partitions import MonthsMissingError
from identity_manager.mail import outbox
from identity_manager.mail.messages import request_messages
from identity_manager.management.backup import postgresql
from identity_manager.management.doctor import database
from identity_manager.models import AuditEvent, MailEvent, MailState, OutgoingMail, Person
from tests.tools import months
from tests.tools.cast import Company
from tests.tools.months import event_of

pytestmark = [
    pytest.mark.long,
    pytest.mark.database,
    pytest.mark.usefixtures("postgresql_only", "undivided_only"),
]
EVENTS, MAILS = AuditEvent._meta.db_table, OutgoingMail._meta.db_table
DAY = timedelta(days=1)


def place_of(row: models.Model) -> str:
    """The partition in which the row lies."""
    sql = f"SELECT tableoid::regclass::text FROM {row._meta.db_table} WHERE id = %s"  # noqa: S608 our own tables
    return str(execute(connection, sql, [row.pk])[0][0])


def provider_event(mail: OutgoingMail) -> MailEvent:
    return MailEvent.objects.create(
        key="a", provider="p", kind="bounced", message_id="m", code="c", mail_id=mail.pk
    )


@pytest.fixture
def company(db: None) -> Company:
    return Company()


@pytest.fixture
def divided(company: Company) -> Company:
    months.divide()
    return company


# --- The division ----------------------------------------------------------------------------------
def test_what_was_there_is_the_first_partition_and_nothing_is_copied(company: Company) -> None:
    company.request_in("completed")
    event, mail = AuditEvent.objects.first(), OutgoingMail.objects.first()
    assert event is not None
    assert mail is not None
    before = execute(connection, "SELECT pg_relation_filenode(%s)", [EVENTS])
    months.divide()
    assert (place_of(event), place_of(mail)) == (f"{EVENTS}_first", f"{MAILS}_first")
    assert execute(connection, "SELECT pg_relation_filenode(%s)", [f"{EVENTS}_first"]) == before
    (ahead,) = [each for each in partitions.partitions(connection, EVENTS) if each.since]
    assert place_of(event_of(ahead.since + DAY)) == ahead.name  # type: ignore[operator]  # it has one
    assert place_of(event_of(timezone.now() + timedelta(days=3650))) == f"{EVENTS}_default"
    assert not month_division.divide(AuditEvent, say=print), "it is divided already"


def test_indexes_rules_and_foreign_keys_are_those_of_the_undivided_table(company: Company) -> None:
    def there() -> set[Any]:
        sql = """
            SELECT relname::text FROM pg_index JOIN pg_class ON oid = indexrelid
            WHERE indrelid IN (to_regclass(%s), to_regclass(%s)) AND (NOT indisunique OR indisprimary)
            UNION SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
            WHERE (conrelid IN (to_regclass(%s), to_regclass(%s))
                OR confrelid IN (to_regclass(%s), to_regclass(%s)))
            AND contype IN ('f', 'c') AND conparentid = 0
        """
        return {name for (name,) in execute(connection, sql, [EVENTS, MAILS] * 3)}

    before = there()
    months.divide()
    assert there() == before
    assert len(before) > 25


def test_a_division_that_breaks_off_leaves_the_table_as_it_was_and_goes_on_later(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.check_constraints()
    with monkeypatch.context() as broken:
        broken.setattr(month_division, "_note_occasions", lambda _table: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            month_division.divide(OutgoingMail, say=print)
    assert not partitions.is_partitioned(connection, MAILS)
    assert month_division._rule(MAILS) == [], "it would refuse the mails of a later month"
    assert month_division.divide(OutgoingMail, say=print)


def test_the_rule_of_a_division_that_was_killed_is_taken_back(company: Company) -> None:
    connection.check_constraints()
    month_division._prove_bound(EVENTS, timezone.now() + 40 * DAY)
    assert month_division._rule(EVENTS)
    month_division.tidy()
    assert month_division._rule(EVENTS) == []


def test_keys_of_a_far_time_are_named(company: Company) -> None:
    event_of(timezone.now() + timedelta(days=3650))
    connection.check_constraints()
    with pytest.raises(month_division.DivisionError, match=r"^1 keys of .* a clock was ahead\.$"):
        month_division.divide(AuditEvent, say=print)


def test_strange_triggers_are_not_left_behind(company: Company) -> None:
    connection.check_constraints()
    when = f"BEFORE UPDATE ON {EVENTS} FOR EACH ROW"
    execute(connection, f"CREATE TRIGGER theirs {when} EXECUTE FUNCTION suppress_redundant_updates_trigger()")
    with pytest.raises(month_division.DivisionError, match=r"triggers that are not ours: theirs\.$"):
        month_division.divide(AuditEvent, say=print)


def test_the_command_says_what_it_does_and_what_there_is(company: Company) -> None:
    connection.check_constraints()
    said = StringIO()
    call_command("partition_by_month", "--status", stdout=said)
    assert said.getvalue().count("not divided by month") == 2
    call_command("partition_by_month", "--table", "audit", stdout=said)
    assert f"{EVENTS}_default  what no month holds" in said.getvalue()
    assert not partitions.is_partitioned(connection, MAILS)


@pytest.mark.django_db(transaction=True)
def test_writers_notice_nothing(transactional_db: None, django_db_blocker: Any) -> None:
    """Events come in all the time; the same process has prepared its statements before."""
    with months.copied_database():
        written, over, faults, ahead = [], threading.Event(), [], [timedelta(0)]

        def write() -> None:
            try:
                while not over.is_set():
                    written.append(event_of(timezone.now() + ahead[0]).pk)
            except DatabaseError as error:
                faults.append(error)
            finally:
                connections.close_all()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            while len(written) < 5 and not faults:
                time.sleep(0.01)
            month_division.divide(AuditEvent, say=print)
            beyond = month_partitions.last_day(AuditEvent) + DAY  # its month is not there
            for ahead[0] in (timedelta(0), beyond - timezone.now()):
                before = len(written)
                while len(written) < before + 5 and not faults:
                    time.sleep(0.01)
            with transaction.atomic():
                month_partitions.add_month(AuditEvent, month_partitions.months_from(beyond, 1)[0])
        finally:
            over.set()
            writer.join()
        assert faults == []
        assert AuditEvent.objects.filter(pk__in=written).count() == len(written)


@pytest.mark.django_db(transaction=True)
def test_whoever_waits_behind_the_exchange_is_not_ended_for_it(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verb has written a person, and then an event, while somebody else reads events."""
    monkeypatch.setattr(month_division, "PAUSE_SECONDS", 0.3)
    Company()
    with months.copied_database():
        bound = month_partitions.months_from(timezone.now(), 3)[2]
        month_division._prove_bound(EVENTS, bound)
        begun, faults = threading.Event(), []

        def verb() -> None:
            reader = connection.copy()
            reader.ensure_connection()
            ends = threading.Timer(0.3, reader.connection.rollback)
            try:
                with transaction.atomic(), reader.cursor() as cursor:
                    cursor.execute(f"BEGIN; SELECT count(*) FROM {EVENTS}")  # noqa: S608 our own tables
                    Person.objects.update(display_name="Another")
                    begun.set()
                    while not execute(connection, "SELECT 1 FROM pg_locks WHERE NOT granted"):
                        time.sleep(0.01)
                    ends.start()
                    event_of(timezone.now())
            except DatabaseError as error:
                faults.append(error)
            finally:
                ends.join()
                reader.close()
                connections.close_all()

        thread = threading.Thread(target=verb)
        thread.start()
        begun.wait(10)
        month_division._with_lock(lambda: month_division._exchange(AuditEvent, bound))
        thread.join()
        assert faults == []


def test_other_roles_write_mails_as_before(company: Company) -> None:
    company.request_in("requested")
    mail = OutgoingMail.objects.all()[0]
    connection.check_constraints()
    execute(connection, f"CREATE ROLE clerk; GRANT INSERT ON {MAILS} TO clerk")
    months.divide()
    mail.pk, mail.occasion = months.key_of(timezone.now()), "of the clerk"
    execute(connection, "SET LOCAL ROLE clerk")
    OutgoingMail.objects.bulk_create([mail])
    execute(connection, "RESET ROLE")
    noted = f"SELECT 1 FROM {month_division.OCCASIONS} WHERE occasion = 'of the clerk'"  # noqa: S608 our own tables
    assert execute(connection, noted)


def test_only_the_owner_of_the_table_divides_it(company: Company) -> None:
    """The new table would be the caller's, and closed to the role that all processes use."""
    connection.check_constraints()
    execute(connection, f"CREATE ROLE theirs; ALTER TABLE {EVENTS} OWNER TO theirs")
    with pytest.raises(month_division.DivisionError, match="belongs to theirs"):
        month_division.divide(AuditEvent, say=print)


# --- What stays unique -----------------------------------------------------------------------------
def test_an_occasion_is_one_of_all_months(company: Company) -> None:
    request = company.request_in("requested")
    mail = request_messages.approval_needed(request, company.paul)
    first = outbox.enqueue(mail)
    months.divide()
    again = request_messages.approval_needed(request, company.paul)
    again.pk = months.key_of(timezone.now() + 70 * DAY)
    assert outbox.enqueue(again) == first
    with pytest.raises(IntegrityError), transaction.atomic():
        OutgoingMail.objects.bulk_create([again])
    assert OutgoingMail.objects.filter(occasion=first.occasion).count() == 1


def test_events_of_providers_still_name_a_mail_that_is_there(divided: Company) -> None:
    divided.request_in("requested")
    mail = OutgoingMail.objects.all()[0]
    row = provider_event(mail)
    connection.check_constraints()
    row.mail_id = months.key_of(timezone.now())
    row.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        connection.check_constraints()
    row.delete()


def test_a_number_that_stands_in_two_months_is_found(
    divided: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    divided.request_in("rejected")
    sealing.seal()
    last = AuditEvent.objects.sealed().last()
    assert last is not None
    last.pk = months.key_of(timezone.now() + 70 * DAY)
    last.save(force_insert=True)
    assert verification.verify().findings
    monkeypatch.setattr(verification, "AT_ONCE", last.number)  # the second one begins no portion
    assert AuditFault.INSERTED in {finding.kind for finding in verification.verify().findings}


# --- The months ahead ------------------------------------------------------------------------------
def test_months_are_made_ahead_and_take_along_what_came_without_one(
    divided: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = month_partitions.months_from(timezone.now() + 70 * DAY, 1)[0] + DAY
    divided.request_in("requested")
    mail = OutgoingMail.objects.all()[0]
    other = copy.copy(mail)
    other.pk, other.occasion = months.key_of(timezone.now() + 120 * DAY), "later"
    OutgoingMail.objects.bulk_create([other])
    provider_event(other)
    assert place_of(other) == f"{MAILS}_default"
    assert [each.level for each in database.months()] == ["ok", "warning"]
    with monkeypatch.context() as clock:
        clock.setattr(timezone, "now", lambda: later + 60 * DAY)
        assert {each.level for each in database.months()} == {"warning"}
        connection.check_constraints()
        said = month_partitions.create_next_partitions()
        assert EVENTS in said
        assert month_partitions.missing(OutgoingMail, timezone.now()) == []
    connection.check_constraints()
    assert place_of(other) != f"{MAILS}_default"
    assert [each.level for each in database.months()] == ["ok", "ok"]


def test_rows_without_a_month_are_told(divided: Company) -> None:
    """Of months to come: where a clock was ahead. Of before the first month: where one was behind."""
    assert month_partitions.BEYOND not in month_partitions.create_next_partitions()
    far = event_of(timezone.now() + timedelta(days=3650))
    assert f"({month_partitions.BEYOND})" in month_partitions.create_next_partitions().partition(",")[0]
    assert "a clock was months ahead" in next(iter(database.months())).says
    far.delete()
    connection.check_constraints()
    execute(connection, f"DROP TABLE {EVENTS}_first")
    event_of(datetime(2020, 5, 5, tzinfo=UTC))
    assert month_partitions.BEYOND not in month_partitions.create_next_partitions()
    told = next(iter(database.months()))
    assert "of before its first month: a clock was behind" in told.says
    assert "retention reaches them" in told.remedy


def test_a_month_that_cannot_be_made_is_told_when_it_is_near(
    divided: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_arguments: Any) -> None:
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(month_partitions, "add_month", busy)
    month_partitions.create_next_partitions()
    near = month_partitions.last_day(AuditEvent) - month_partitions.SOON / 2
    monkeypatch.setattr(timezone, "now", lambda: near)
    with pytest.raises(MonthsMissingError, match="lock timeout"):
        month_partitions.create_next_partitions()


def test_the_job_does_nothing_where_no_table_is_divided(db: None) -> None:
    job = schedule.named("database.make_months")
    assert job is not None
    assert job.run() == ""


# --- Migrations, backups ---------------------------------------------------------------------------
def test_later_migrations_change_a_divided_table(divided: Company) -> None:
    divided.request_in("rejected")
    event_of(timezone.now() + 40 * DAY)
    connection.check_constraints()
    field = models.CharField(max_length=20, blank=True, db_default="new")
    field.set_attributes_from_name("colour")
    field.model = AuditEvent
    rule = models.CheckConstraint(condition=models.Q(form__gte=0), name="event_form_rule")
    index = models.Index(fields=["name", "actor"], name="event_by_actor")
    with connection.schema_editor() as editor:
        editor.add_field(AuditEvent, field)
        editor.add_constraint(AuditEvent, rule)
        editor.add_index(AuditEvent, index)
    colours = f"SELECT DISTINCT colour FROM {EVENTS}"  # noqa: S608 our own tables
    assert execute(connection, colours) == [("new",)]
    with connection.schema_editor() as editor:
        editor.remove_index(AuditEvent, index)
        editor.remove_constraint(AuditEvent, rule)
        editor.remove_field(AuditEvent, field)


@pytest.mark.django_db(transaction=True)
def test_an_index_is_added_while_the_table_is_in_use(transactional_db: None) -> None:
    class State:
        """What the operation asks for the model."""

        class apps:  # noqa: N801 as Django's
            @staticmethod
            def get_model(_app: str, _name: str) -> type[models.Model]:
                return AuditEvent

    operation = AddIndexOnline("auditevent", models.Index(fields=["name", "actor"], name="event_by_actor"))
    with months.divided_database():
        for _twice in range(2):
            with connection.schema_editor(atomic=False) as editor:
                operation.database_forwards("identity_manager", editor, State, State)
            sql = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('event_by_actor')"
            assert execute(connection, sql) == [(True,)]
        with connection.schema_editor(atomic=False) as editor:
            operation.database_backwards("identity_manager", editor, State, State)
        assert execute(
            connection, "SELECT to_regclass('event_by_actor'), to_regclass('event_by_actor_0')"
        ) == [(None, None)]


def test_mails_without_a_month_lose_their_texts_as_others_do(divided: Company, settings: Settings) -> None:
    settings.RETENTION_MAIL_DAYS = 30
    divided.request_in("requested")
    mail = OutgoingMail.objects.all()[0]
    other = copy.copy(mail)
    other.pk, other.occasion = months.key_of(timezone.now() + timedelta(days=3650)), "of a clock ahead"
    OutgoingMail.objects.bulk_create([other])
    sent = {"state": MailState.SENT, "created_at": datetime(2020, 5, 5, tzinfo=UTC)}
    OutgoingMail.objects.filter(pk=other.pk).update(**sent)
    assert place_of(other) == f"{MAILS}_default"
    assert retention.empty_mails() == 1
    other.refresh_from_db()
    assert other.body_text == ""


@pytest.mark.django_db(transaction=True)
def test_a_backup_is_put_back_from_one_shape_to_the_other(transactional_db: None, tmp_path: Path) -> None:
    Company().request_in("completed")
    events, mails = AuditEvent.objects.count(), OutgoingMail.objects.count()
    (tmp_path / "undivided").mkdir()
    (tmp_path / "divided").mkdir()
    postgresql.dump(tmp_path / "undivided")
    with months.divided_database():
        counts = postgresql.dump(tmp_path / "divided")
        assert (counts[EVENTS], counts[MAILS]) == (events, mails)
        with transaction.atomic():
            postgresql.load(tmp_path / "undivided")
        noted = execute(connection, f"SELECT count(*) FROM {month_division.OCCASIONS}")  # noqa: S608 our own tables
        assert (AuditEvent.objects.count(), noted) == (events, [(mails,)])
    with transaction.atomic():
        postgresql.load(tmp_path / "divided")
    assert (AuditEvent.objects.count(), OutgoingMail.objects.count()) == (events, mails)
