"""Retention of the audit log where a clock was ahead: it goes on, and nothing goes that is not old.

On SQLite and PostgreSQL; test_audit_months.py has the same of a table that is divided by month.
"""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from identity_manager.audit import ages, heads, sealing, verification
from identity_manager.jobs import retention
from identity_manager.models import AuditEvent, AuditHead
from tests.tools.months import event_of

pytestmark = [pytest.mark.django_db, pytest.mark.database]
DAY = timedelta(days=1)
LONG_AGO = timedelta(days=800)
FUTURE = timedelta(days=5000)  # a clock that was ahead


@pytest.fixture(autouse=True)
def one_year(settings: Settings) -> None:
    settings.RETENTION_AUDIT_DAYS = 365


def sealed(*ago: timedelta) -> None:
    """Events that say that they are so old, sealed in this order."""
    for each in ago:
        event_of(timezone.now() - each)
        sealing.seal()


def signed(ago: timedelta) -> AuditHead:
    """A head of all that is sealed, which says that it is so old."""
    now = timezone.now() - ago
    with pytest.MonkeyPatch.context() as clock:
        clock.setattr(timezone, "now", lambda: now)
        head = heads.sign()
    assert head is not None
    return head


def numbers() -> list[int]:
    return [number or 0 for number in AuditEvent.objects.sealed().values_list("number", flat=True)]


@pytest.fixture
def ahead() -> None:
    """Five old events with their heads, of which the fourth is dated in the future; then a young one."""
    sealed(LONG_AGO, LONG_AGO - DAY)
    signed(LONG_AGO - DAY)
    sealed(LONG_AGO - 2 * DAY, -FUTURE, LONG_AGO - 3 * DAY)
    signed(LONG_AGO - 3 * DAY)
    sealed(timedelta(0))


def test_it_goes_with_its_neighbours_when_heads_prove_its_age(ahead: None) -> None:
    assert retention.report_audit_log_cut() == 5
    assert retention.report_audit_log_cut() == 0
    sealing.seal()
    assert numbers()[0] == 6
    assert [finding.kind for finding in verification.verify().findings] == []


def test_verification_names_it_and_nothing_that_follows(ahead: None) -> None:
    (finding,) = verification.verify().findings
    assert (finding.kind, finding.number) == (verification.AuditFault.CLOCK, 4)
    assert finding.sentence.endswith(": a clock was ahead.")


def test_many_of_them_over_several_heads_go_too(ahead: None) -> None:
    AuditEvent.objects.filter(number=6).delete()  # as if it had not been written yet
    sealing.AuditChain.objects.update(number=5, chain=AuditEvent.objects.get(number=5).chain)
    for days in (4, 5, 6):
        sealed(-FUTURE, -FUTURE, LONG_AGO - days * DAY)
        signed(LONG_AGO - days * DAY)
    sealed(timedelta(0))
    assert retention.cut_audit_log() == 14


def test_what_an_open_request_needs_stops_it_all_the_same(
    ahead: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = retention.Q(number=5)
    monkeypatch.setattr(retention, "_alive", lambda: needed)
    assert retention.cut_audit_log() == 4
    assert retention.report_audit_log_cut() == 0


def test_without_heads_around_it_waits_and_says_so(ahead: None) -> None:
    AuditHead.objects.all().delete()
    assert retention.cut_audit_log() == 3
    said = retention.report_audit_log_cut()
    assert isinstance(said, str)
    assert said.startswith("waits behind event #4, which says ")
    assert numbers()[0] == 4
    old = timezone.now() + FUTURE + 366 * DAY
    with pytest.MonkeyPatch.context() as clock:
        clock.setattr(timezone, "now", lambda: old)
        event_of(old)
        sealing.seal()
        assert retention.cut_audit_log() == 4, "when its own time is over, all goes, the note of the cut too"


def test_a_log_whose_end_is_near_waits_for_nobody(ahead: None) -> None:
    retention.cut_audit_log()
    sealed(timedelta(0))
    assert retention.held_up() is None, "young events are no wrong clocks"


def test_the_heads_clock_was_ahead_too(ahead: None) -> None:
    """One machine: its sealer has signed with the same clock. The next head says the truth."""
    AuditHead.objects.all().delete()
    event = AuditEvent.objects.get(number=2)
    _make(event, LONG_AGO - DAY)
    _make(AuditEvent.objects.get(number=4), -FUTURE)
    _make(AuditEvent.objects.get(number=5), LONG_AGO - 3 * DAY)
    assert retention.cut_audit_log() == 5


def test_a_head_whose_clock_was_behind_proves_nothing() -> None:
    """Three young events; a host whose clock is years behind has signed the second head, and the fourth."""
    sealed(3 * DAY)
    signed(3 * DAY)
    sealed(2 * DAY)
    _make(AuditEvent.objects.get(number=2), LONG_AGO)
    sealed(DAY)
    _make(AuditEvent.objects.get(number=3), LONG_AGO)
    assert retention.report_audit_log_cut() == 0
    assert numbers() == [1, 2, 3]


def test_the_first_head_alone_proves_nothing() -> None:
    """Nothing says that its clock was right."""
    sealed(DAY, DAY)
    _make(AuditEvent.objects.get(number=2), LONG_AGO)
    assert retention.cut_audit_log() == 0


def test_younger_events_under_the_numbers_of_old_ones_do_not_go(ahead: None) -> None:
    """Whoever can write to the table gives the youngest event the number of the one of the wrong clock."""
    fourth, young = AuditEvent.objects.get(number=4), AuditEvent.objects.get(number=6)
    AuditEvent.objects.filter(pk__in=(fourth.pk, young.pk)).update(number=None)
    AuditEvent.objects.filter(pk=young.pk).update(number=4)
    AuditEvent.objects.filter(pk=fourth.pk).update(number=6)
    assert retention.cut_audit_log() == 3
    assert AuditEvent.objects.filter(pk=young.pk).exists()


@pytest.mark.parametrize("column", ["content_sha256", "previous", "chain"])
def test_links_that_were_changed_lead_to_no_head(ahead: None, column: str) -> None:
    head = AuditHead.objects.covering(4)
    assert head is not None
    assert list(ages.links_to(head, 4)) == [4, 5]
    AuditEvent.objects.filter(number=5).update(**{column: "0" * 64})
    assert ages.links_to(head, 4) == {}


def test_a_head_of_the_future_keeps_nobody_from_signing(ahead: None) -> None:
    """It would be the last one until its time has come: the log would go on without signatures."""
    sealed(timedelta(0))
    signed(-FUTURE)
    sealed(timedelta(0))
    head = heads.sign()
    assert head is not None
    assert head.signed_at <= timezone.now()
    sealed(timedelta(0))
    assert heads.sign() is None, "one each AUDIT_HEAD_MINUTES"


def _make(event: AuditEvent, ago: timedelta) -> None:
    """A head at the event, which says that it is so old."""
    now: datetime = timezone.now() - ago
    with pytest.MonkeyPatch.context() as clock:
        clock.setattr(timezone, "now", lambda: now)
        heads.make(event.number or 0, event.chain, kind=heads.HeadKind.HEAD)
