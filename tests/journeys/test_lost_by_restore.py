"""A restore loses what came last; the CA knows it, it is found, and officers adopt, revoke or leave it."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings as configured
from django.core.cache import caches
from django.core.management import CommandError, call_command
from django.utils import timezone

from ca_bridge.connection import registry
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.errors import CaError
from ca_bridge.models import SurplusCertificate
from identity_manager.console.lists import remembered_counts
from identity_manager.jobs import ca_scans
from identity_manager.management.backup import creation, restoring
from identity_manager.management.doctor import comparisons
from identity_manager.models import (
    AuditEvent,
    CaComparison,
    CaFinding,
    Certificate,
    CertificateState,
    ComparisonStep,
    FindingKind,
    FindingState,
    Person,
    RequestState,
    Role,
    TokenRequest,
)
from identity_manager.transactions.refusals import NotAllowed, Stale
from identity_manager.workflow.issuance import ca_comparison, ca_findings, finished_here
from tests.identity_manager.workflow.test_races import succeeded, together
from tests.journeys.office import Office, later
from tests.tools import cast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]


class UnsearchableConnector(EmbeddedConnector):
    """The embedded CA, as a CA that lists and cannot be searched: what is in doubt is parked."""

    find = None  # type: ignore[assignment]  # what is no method is no capability


@pytest.fixture(autouse=True)
def workers_began_after_the_restore(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are stopped for a restore, and remember nothing of before."""
    monkeypatch.setattr(finished_here, "KEPT_SECONDS", -1.0)


@pytest.fixture
def ca(settings: Any, tmp_path: Path) -> Iterator[EmbeddedConnector]:
    """A CA of this test's own: what others have issued is not in its files."""
    options = configured.CA_CONNECTORS["corporate"]["OPTIONS"]
    directory = tmp_path / "ca" / "corporate"
    shutil.copytree(options["directory"], directory, ignore=shutil.ignore_patterns("issued"))
    connector = f"{__name__}.UnsearchableConnector"
    alone = {"CONNECTOR": connector, "OPTIONS": {**options, "directory": str(directory)}}
    settings.CA_CONNECTORS = {"corporate": alone}
    found = registry.connector("corporate")
    assert isinstance(found, EmbeddedConnector)
    found.renew_crl_if_due()
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=True):  # backups count in seconds
        yield found


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "backup"


def restore(place: Path) -> None:
    restoring.restore(place, replace=restoring.database_name())


def is_down(*_args: Any) -> None:
    raise CaError("The certificate authority cannot be reached.")


def issued(office: Office, person: Person) -> Certificate:
    request = cast.enabled(office.company.ada, person, office.company.vpn)
    cast.accepted(TokenRequest.objects.get(pk=request.pk))
    return Certificate.objects.get(token__request=request)


def signed_in_again(office: Office) -> Office:
    """Nobody is signed in after a restore."""
    office.ada = office._signed_in(office.company.ada)
    return office


def found(kind: FindingKind = FindingKind.UNKNOWN) -> list[CaFinding]:
    return list(CaFinding.objects.filter(kind=kind).order_by("found_at"))


@pytest.fixture
def lost(office: Office, ca: EmbeddedConnector, place: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """The backup knows an order of uma; the CA has issued it since, and one for somebody new."""
    with monkeypatch.context() as outage:
        outage.setattr(UnsearchableConnector, "issue", is_down)
        waiting = office.enable("VPN")
        office.accept(waiting)
    creation.make(place)
    with later(minutes=2):
        pass
    assert TokenRequest.objects.get(pk=waiting.pk).state == RequestState.ISSUED
    issued(office, office.company.sam)
    restore(place)
    return signed_in_again(office)


def test_what_a_restore_lost_is_found_adopted_and_revoked(lost: Office, ca: EmbeddedConnector) -> None:
    waiting = TokenRequest.objects.get()
    assert IssuedCertificate.objects.count() == 0, "the register is in the database"
    assert "reads what the authority has issued" in lost.ada.open("/").text
    assert "not compared yet" in next(iter(comparisons.with_authorities())).says

    with later(minutes=2):  # looked up in vain, so it waits for an officer
        assert ca_comparison.continue_comparison()
        assert ca_comparison.continue_comparison() == ""
    comparison: Any = CaComparison.objects.with_numbers().get()
    assert (comparison.step, comparison.listed, comparison.unknown) == (ComparisonStep.DONE, 2, 2)
    assert "2 not known to the database" in next(iter(comparisons.with_authorities())).says
    of_order, unknown = sorted(found(), key=lambda each: each.order_id is None)
    assert of_order.order == Certificate.objects.get().order

    caches[remembered_counts.CACHE].clear()  # START remembers its numbers for seconds
    assert "2 certificates are not known to the database" in lost.ada.open("/").text
    page = lost.ada.open("/open-tasks/").text
    assert of_order.serial in page
    assert unknown.subject in page
    lost.ada.follow("Adopt")
    lost.ada.press("Adopt")
    certificate = Certificate.objects.get()
    assert (certificate.state, certificate.serial) == (CertificateState.VALID, of_order.serial)
    assert TokenRequest.objects.get(pk=waiting.pk).state == RequestState.ISSUED

    lost.ada.open("/open-tasks/")
    lost.ada.follow("Revoke")
    lost.ada.press("Revoke")
    assert ca_findings.carry_out_revocations() == 1
    row = IssuedCertificate.objects.get(serial_hex=f"{int(unknown.serial, 16):x}")
    assert (row.reason, bytes(row.certificate)) == ("superseded", b""), "on the CRL, and nobody's any more"
    unknown.refresh_from_db()
    assert (unknown.state, unknown.certificate, unknown.subject) == (FindingState.REVOKED, b"", "")
    events = AuditEvent.objects.filter(name__startswith="ca.").order_by("pk")
    assert [event.name for event in events] == [
        "ca.compared",
        "ca.found-adopted",
        "ca.found-revocation-decided",
        "ca.found-revoked",
    ]
    assert [event.actor for event in events][1:3] == [lost.company.ada] * 2
    assert of_order.serial not in lost.ada.open("/open-tasks/").text


@pytest.mark.nightly
def test_what_is_left_as_it_is_is_not_found_again(lost: Office, ca: EmbeddedConnector) -> None:
    ca_comparison.continue_comparison()
    (unknown,) = [each for each in found() if each.order is None]
    lost.ada.open("/open-tasks/")
    lost.ada.follow("Leave as it is")
    assert "Say why" in lost.ada.press("Leave as it is", reason=" ").text
    lost.ada.press("Leave as it is", reason="Of the mail gateway.")
    unknown.refresh_from_db()
    assert (unknown.state, unknown.reason) == (FindingState.LEFT, "Of the mail gateway.")
    for after in (timedelta(days=2), timedelta(days=10)):  # it is compared again: what comes late counts
        with later(days=after.days):
            assert "portions" in ca_comparison.continue_comparison()
    assert [each.state for each in found() if each.order is None] == [FindingState.LEFT]
    assert CaComparison.objects.get().rounds == 3


@pytest.mark.nightly
def test_an_order_under_way_is_not_for_officers(lost: Office, ca: EmbeddedConnector) -> None:
    """It is looked up by itself first; only what is parked waits for somebody's word."""
    ca_comparison.continue_comparison()
    (of_order,) = [each for each in found() if each.order is not None]
    assert of_order.state == FindingState.WAITING
    with pytest.raises(Stale, match="Nobody need decide"):
        ca_findings.adopt(actor=lost.company.ada, finding_id=of_order.pk)
    assert of_order.serial not in lost.ada.open("/open-tasks/").text


@pytest.mark.nightly
def test_what_its_order_brings_beside_is_revoked_without_anybody(
    lost: Office, ca: EmbeddedConnector, settings: Any
) -> None:
    """By the connection's policy the order is asked for once more: there are two for one key."""
    settings.CA_CONNECTORS = {"corporate": {**settings.CA_CONNECTORS["corporate"], "UNKNOWN": "ask-again"}}
    ca_comparison.continue_comparison()
    with later(minutes=2):
        pass
    assert Certificate.objects.get().state == CertificateState.VALID
    ca_comparison.continue_comparison()
    (of_order,) = [each for each in found() if each.order is not None]
    assert of_order.state == FindingState.SETTLED
    assert SurplusCertificate.objects.count() == 1
    assert ca_scans.revoke_surplus() == 1
    told = AuditEvent.objects.filter(name__startswith="certificate.surplus-").order_by("pk")
    assert [event.name for event in told] == ["certificate.surplus-found", "certificate.surplus-revoked"]


def test_the_reverse_what_the_ca_has_forgotten(office: Office, ca: EmbeddedConnector) -> None:
    certificate = issued(office, office.company.uma)
    kept = issued(office, office.company.sam)
    IssuedCertificate.objects.filter(serial_hex=f"{int(certificate.serial, 16):x}").delete()
    ca._files.forget(int(certificate.serial, 16))
    out = StringIO()
    since = timezone.now() - timedelta(seconds=30)
    with pytest.raises(CommandError, match="does not know 1 that the database holds") as stopped:
        call_command("compare_ca", "corporate", "--since", since.isoformat(), stdout=out)
    assert stopped.value.returncode == 1
    (missing,) = found(FindingKind.MISSING)
    assert (missing.serial, missing.token_certificate) == (certificate.serial, certificate)

    assert "the authority does not know it" in office.ada.open("/open-tasks/").text
    office.ada.follow("Revoke")
    office.ada.press("Revoke")
    certificate.refresh_from_db()
    assert certificate.revocation_decided_at is not None
    assert certificate.by_hand_since is not None, "the CA does not know what it is told of"
    kept.refresh_from_db()
    assert kept.state == CertificateState.VALID
    assert CaFinding.objects.get().state == FindingState.REVOKED


@pytest.mark.nightly
def test_a_comparison_beside_issuing_finds_nothing(
    office: Office, ca: EmbeddedConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CA has issued, the answer is on its way: another worker compares just then."""
    issue = EmbeddedConnector.issue
    ca_comparison.begin("corporate", timezone.now() - timedelta(seconds=30))
    seen = []

    def slowly(self: EmbeddedConnector, order: Any) -> Any:
        answer = issue(self, order)
        ca_comparison.continue_comparison()
        seen.extend(CaFinding.objects.values_list("state", flat=True))
        return answer

    monkeypatch.setattr(UnsearchableConnector, "issue", slowly)
    certificate = issued(office, office.company.uma)
    assert seen == [FindingState.WAITING]
    assert certificate.state == CertificateState.VALID
    ca_comparison.continue_comparison()
    assert [each.state for each in found()] == [FindingState.SETTLED]
    assert CaFinding.objects.for_officers(timezone.now()).count() == 0


@pytest.mark.nightly
def test_the_command_finds_nothing_where_both_agree(office: Office, ca: EmbeddedConnector) -> None:
    issued(office, office.company.uma)
    out = StringIO()
    since = timezone.now() - timedelta(seconds=30)
    call_command("compare_ca", "corporate", "--since", since.isoformat(), stdout=out)
    assert "It has named 1 certificates, and was asked for 1." in out.getvalue()
    assert "Both agree." in out.getvalue()
    for words, said in (("nobody", "CA_CONNECTORS has no nobody"), ("corporate", "is not a moment")):
        since = [] if words == "nobody" else ["--since", "yesterday"]
        with pytest.raises(CommandError, match=said) as stopped:
            call_command("compare_ca", words, *since)
        assert stopped.value.returncode == 2


@pytest.mark.nightly
def test_other_cas_cannot_be_compared(office: Office, settings: Any) -> None:
    settings.CA_CONNECTORS = {"corporate": {"CONNECTOR": "tests.ca_bridge.scripted.ScriptedConnector"}}
    with pytest.raises(CommandError, match="cannot be compared") as stopped:
        call_command("compare_ca", "corporate")
    assert stopped.value.returncode == 2
    ca_comparison.begin_all(timezone.now())
    ca_comparison.continue_comparison()
    row = CaComparison.objects.get()
    assert row.step == ComparisonStep.IMPOSSIBLE
    assert "cannot be compared" in next(iter(comparisons.with_authorities())).says
    assert "cannot be compared" in office.ada.open("/").text
    assert AuditEvent.objects.filter(name="ca.not-compared").count() == 1


@pytest.mark.nightly
def test_it_goes_on_where_it_stopped_portion_by_portion(
    lost: Office, ca: EmbeddedConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca_bridge.connectors.embedded.issued_files.PAGE", 1)
    row = CaComparison.objects.get()
    row = ca_comparison.portion(row.pk)
    assert (row.step, row.listed, bool(row.cursor)) == (ComparisonStep.LISTING, 1, True)
    with monkeypatch.context() as outage:
        outage.setattr(UnsearchableConnector, "list_issued", is_down)
        assert ca_comparison.continue_comparison() == ""
    row.refresh_from_db()
    assert (row.listed, row.trouble) == (1, "The certificate authority cannot be reached.")
    assert "cannot be reached" in lost.ada.open("/").text
    ca_comparison.continue_comparison()
    done: Any = CaComparison.objects.with_numbers().get()
    assert (done.step, done.listed, done.unknown, done.trouble) == (ComparisonStep.DONE, 2, 2, "")


def test_who_decides(lost: Office, ca: EmbeddedConnector) -> None:
    ca_comparison.continue_comparison()
    (unknown,) = [each for each in found() if each.order is None]
    company = lost.company
    limited = cast.person("lina", roles=())
    limited.roles.create(role=Role.TOKEN_ADMINISTRATOR, organisational_unit="Nord")
    for actor in (company.paul, company.rita, company.uma, limited):
        for verb in (ca_findings.adopt, ca_findings.revoke, ca_findings.done_by_hand):
            with pytest.raises(NotAllowed):
                verb(actor=actor, finding_id=unknown.pk)
    with pytest.raises(Stale, match="nobody here could use it"):
        ca_findings.adopt(actor=company.ada, finding_id=unknown.pk)
    assert lost.browser_of(limited).open(f"/found-at-authorities/{unknown.pk}/revoke/").status == 404


def test_each_is_decided_once(lost: Office, ca: EmbeddedConnector) -> None:
    ca_comparison.continue_comparison()
    (unknown,) = [each for each in found() if each.order is None]
    outcomes = together(
        *[lambda: ca_findings.revoke(actor=lost.company.ada, finding_id=unknown.pk) for _each in range(3)]
    )
    assert succeeded(outcomes) == 1
    assert AuditEvent.objects.filter(name="ca.found-revocation-decided").count() == 1


def test_no_backup_holds_the_files(lost: Office, place: Path, ca: EmbeddedConnector) -> None:
    assert (place / "ca" / "corporate" / "issuing.key").exists()
    assert not (place / "ca" / "corporate" / "issued").exists()


@pytest.mark.nightly
def test_on_another_machine_nobody_says_that_both_agree(
    lost: Office, ca: EmbeddedConnector, tmp_path: Path, settings: Any
) -> None:
    """The files stayed on the one that is gone; what is issued here says nothing of the lost time."""
    shutil.rmtree(tmp_path / "ca" / "corporate" / "issued")
    issued(lost, cast.person("wilma"))
    ca_comparison.continue_comparison()
    row = CaComparison.objects.get()
    assert row.step == ComparisonStep.IMPOSSIBLE
    assert "no files of what it issued in that time" in lost.ada.open("/").text
