"""The audit log: what people did is sealed, read in words, checked and proven; what is forged is found."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from identity_manager import audit_proof
from identity_manager.audit import heads, sealing
from identity_manager.audit.heads import lines_of
from identity_manager.jobs import schedule
from identity_manager.models import AuditHead, Role
from tests.journeys.office import Office
from tests.tools import cast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]


def beat() -> None:
    """What the beat starts, once: the sealer, and the job that signs and exports heads."""
    sealing.seal()
    job = schedule.named("audit.sign_heads")
    assert job is not None
    job.run()


@pytest.fixture
def exported(settings: Settings, tmp_path: Path) -> Path:
    settings.AUDIT_HEAD_EXPORT = [f"file:{tmp_path / 'heads.jsonl'}"]
    return tmp_path / "heads.jsonl"


def test_a_day_is_read_checked_and_proven(office: Office, exported: Path, tmp_path: Path) -> None:
    auditor = office.browser_of(cast.person("olga", roles=(Role.AUDITOR,), sid=""))
    request = office.enable("VPN")
    office.accept(request)
    office.show_passphrase(request)
    office.note_passphrase()
    beat()

    page = auditor.open(f"/history/?request={request.reference}")
    for words in ("The terms were accepted", "The passphrase was noted", "Uma Lindqvist", "signed"):
        assert words in page.text

    auditor.open("/history/check/")
    auditor.press("Check now")
    assert "The log is as it was written" in auditor.open("/history/check/").text
    call_command("audit", "verify", heads=[exported])

    auditor.open(f"/requests/{request.pk}/")
    evidence = auditor.press("Check file")
    (tmp_path / "evidence.json").write_text(evidence.html, encoding="utf-8")
    (tmp_path / "key.pem").write_text(auditor.open("/history/public-key.pem").html, encoding="utf-8")
    arguments = [str(tmp_path / "evidence.json"), "--public-key", str(tmp_path / "key.pem")]
    assert audit_proof.main(arguments) == 0
    assert json.loads(evidence.html)["not_covered_yet"] == 0


def test_who_cuts_off_the_end_with_its_heads_is_found_by_what_left_the_machine(
    office: Office, exported: Path
) -> None:
    office.enable("VPN")
    beat()
    with connection.cursor() as cursor:
        cursor.execute("SELECT number, chain FROM identity_manager_auditevent WHERE number = 2")
        number, chain = cursor.fetchone()
        cursor.execute("DELETE FROM identity_manager_auditevent WHERE number > 2")
        cursor.execute("DELETE FROM identity_manager_audithead")
        cursor.execute("UPDATE identity_manager_auditchain SET number = %s, chain = %s", [number, chain])

    call_command("audit", "verify")  # the database alone looks sound
    with pytest.raises(CommandError, match="manipulated"):
        call_command("audit", "verify", heads=[exported])


def test_heads_go_by_mail_and_syslog_lines_are_read_back(
    office: Office, settings: Settings, mailoutbox: list[object]
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.AUDIT_HEAD_EXPORT = ["mailto:security@example.com"]
    office.enable("VPN")
    beat()
    (head,) = AuditHead.objects.all()
    (message,) = [mail for mail in mailoutbox if "security@example.com" in mail.to]
    assert lines_of([head])[0] in message.body
    assert heads.sign() is None
