"""Exports of the archive: two officers, once, within a day; then openssl and a recovery key alone."""

import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.keys import keys, recovery_keys
from identity_manager.models import ArchivedKey, ArchiveExport, AuditEvent, Person, Role
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.vault.key_ring import KeyRing
from identity_manager.workflow.archive import export
from tests.identity_manager.console.visitors import tasks
from tests.identity_manager.workflow.archive.test_intake import issuing
from tests.tools import cast, recovery
from tests.tools.cast import Company
from tests.tools.recovery import Officers
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture
def staff(db: None) -> Officers:
    return recovery.officers()


def agreed(staff: Officers) -> ArchiveExport:
    row = export.ask(actor=staff.rene, purpose="The product goes")
    return export.confirm(actor=staff.rosa, export_id=row.pk)


@pytest.mark.needs_program("openssl")
def test_openssl_and_the_recovery_key_alone_open_each_key(
    company: Company, staff: Officers, tmp_path: Path
) -> None:
    recovery.in_force(staff)
    for person in (company.uma, company.sam):
        request = cast.accepted(cast.enabled(company.ada, person, recovery.archiving_type()))
        cast.issued(request)
    agreed(staff)
    call_command("export_archive", str(tmp_path / "out"))
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert {each["personnel_number"] for each in index} == {"P-uma", "P-sam"}
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700

    document, circle = recovery.ceremony()
    recovery_key = recovery_keys.open_with_shares(document, circle.texts[:2])
    certificate = x509.load_der_x509_certificate(document.certificate)
    (tmp_path / "recovery.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "recovery.key").write_bytes(keys.to_pkcs8(recovery_key.private))
    for each in index:
        name = f"out/{each['public_key_sha256']}.cms"
        command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-in", name, "-binary", "-out", "key.der"]
        command += ["-recip", "recovery.pem", "-inkey", "recovery.key", "-keyform", "DER"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        key = keys.from_pkcs8((tmp_path / "key.der").read_bytes())
        assert keys.public_key_sha256(key).hex() == each["public_key_sha256"]
    event = AuditEvent.objects.get(name="archive.exported")
    assert event.facts == {"rows": 2}


def test_once_and_within_a_day(staff: Officers, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No export was confirmed"):
        call_command("export_archive", str(tmp_path / "none"))
    agreed(staff)
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)), pytest.raises(CommandError):
        call_command("export_archive", str(tmp_path / "late"))
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_archive", str(tmp_path))  # there already; nothing is used up
    call_command("export_archive", str(tmp_path / "once"))
    with pytest.raises(CommandError, match="No export was confirmed"):
        call_command("export_archive", str(tmp_path / "twice"))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["once"]


def test_a_row_of_somebody_else_is_named_and_the_others_come(
    company: Company, staff: Officers, tmp_path: Path
) -> None:
    recovery.in_force(staff)
    cast.issued(issuing(company, recovery.archiving_type()))
    ArchivedKey.objects.update(owner=company.sam)
    agreed(staff)
    with pytest.raises(CommandError, match="1 keys cannot be opened"):
        call_command("export_archive", str(tmp_path / "out"))
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["index.json"]


def test_only_where_the_ring_is(staff: Officers, settings: Settings, tmp_path: Path) -> None:
    agreed(staff)
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "archive": KeyRing.fixed("")}
    with pytest.raises(CommandError, match="KEYS_ARCHIVE"):
        call_command("export_archive", str(tmp_path / "out"))
    assert ArchiveExport.objects.get().done_at is None


def test_nobody_agrees_with_themselves_and_nobody_else_decides(staff: Officers) -> None:
    row = export.ask(actor=staff.rene, purpose="Mine")
    with pytest.raises(NotAllowed) as caught:
        export.confirm(actor=staff.rene, export_id=row.pk)
    assert caught.value.reason.code == "own-export"
    for role in set(Role) - {Role.RECOVERY_OFFICER}:
        other: Person = cast.person(f"o-{role.value}", sid="", roles=(role,))
        with pytest.raises(NotAllowed):
            export.confirm(actor=other, export_id=row.pk)
        with pytest.raises(NotAllowed):
            export.ask(actor=other, purpose="Theirs")
        with pytest.raises(NotAllowed):
            export.withdraw(actor=other, export_id=row.pk)
    with pytest.raises(NotPossible):
        export.ask(actor=staff.rene, purpose=" ")
    with pytest.raises(IntegrityError), transaction.atomic():
        ArchiveExport.objects.update(state="confirmed", decided_by=staff.rene)
    with pytest.raises(IntegrityError), transaction.atomic():
        ArchiveExport.objects.update(done_at=timezone.now())


def test_asked_for_and_confirmed_on_pages(staff: Officers) -> None:
    rene, rosa = signed_in(staff.rene, 0), signed_in(staff.rosa, 0)
    assert rene.post("/archive-exports/", {"purpose": ""}).status_code == 422
    rene.post("/archive-exports/", {"purpose": "The product goes"})
    row = ArchiveExport.objects.get()
    assert tasks(rene.get("/open-tasks/"), "archive-exports") == []
    assert [each.pk for each in tasks(rosa.get("/open-tasks/"), "archive-exports")] == [row.pk]
    address = f"/archive-exports/{row.pk}/confirm/"
    assert "The product goes" in rosa.get(address).text
    assert rene.post(address).status_code == 403
    assert signed_in(staff.ruth).post(address).status_code == 302  # a fresh sign-in is asked for
    rosa.post(address)
    row.refresh_from_db()
    assert (row.state, row.decided_by) == ("confirmed", staff.rosa)
    assert rosa.post(address).status_code == 409


def test_called_off_and_lapsed(staff: Officers) -> None:
    rosa = signed_in(staff.rosa, 0)
    first, second = (export.ask(actor=staff.rene, purpose=f"Nr. {number}") for number in (1, 2))
    rosa.post(f"/archive-exports/{first.pk}/withdraw/")
    first.refresh_from_db()
    assert first.state == "withdrawn"
    ArchiveExport.objects.filter(pk=second.pk).update(asked_at=timezone.now() - timedelta(days=8))
    assert rosa.post(f"/archive-exports/{second.pk}/confirm/").status_code == 409
    assert tasks(rosa.get("/open-tasks/"), "archive-exports") == []


def test_what_was_decided_is_decided_once_and_each_step_is_recorded(staff: Officers) -> None:
    assert agreed(staff).state == "confirmed"
    with pytest.raises(Stale):
        export.withdraw(actor=staff.ruth, export_id=ArchiveExport.objects.get().pk)
    other = export.ask(actor=staff.rosa, purpose="Another day")
    assert export.withdraw(actor=staff.ruth, export_id=other.pk).state == "withdrawn"
    assert export.begin().state == "confirmed"
    recorded = AuditEvent.objects.filter(name__startswith="archive.export-").order_by("at", "pk")
    assert [(row.name.partition("-")[2], row.actor) for row in recorded] == [
        *(("asked", staff.rene), ("confirmed", staff.rosa), ("asked", staff.rosa)),
        ("withdrawn", staff.ruth),
    ]
