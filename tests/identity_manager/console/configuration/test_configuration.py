"""Configuration files in ADMIN and on the command line: exported, compared, imported."""

import re
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from identity_manager.configuration.writing import exported
from identity_manager.models import ApiClient, AuditEvent, Person, Role, TokenType
from tests.identity_manager.console.visitors import officer
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.django_db
START, IMPORT = reverse("console:configuration"), reverse("console:configuration-import")
CLIENT = '\n[[api-client]]\ncode = "HR"\nscopes = ["persons:read"]\ndays = 30\n'


@pytest.fixture
def sven(company: Company) -> Person:
    return officer("sven", Role.SYSTEM_ADMINISTRATOR)


def file(text: str | bytes) -> dict[str, SimpleUploadedFile]:
    return {"file": SimpleUploadedFile("c.toml", text.encode() if isinstance(text, str) else text)}


def sent_back(page: Any) -> dict[str, str]:
    """The hidden fields of the comparison."""
    return dict(re.findall(r'name="(text|seen)" value="([^"]*)"', page.content.decode()))


def test_from_an_export_to_drafts(sven: Person) -> None:
    browser = signed_in(sven, 0)
    answer = browser.post(reverse("console:configuration-export"))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="configuration.toml"'
    text = answer.content.decode()
    assert text.startswith(exported())
    assert AuditEvent.objects.filter(name="list.exported").latest("pk").facts["what"] == "configuration"

    page = browser.post(START, file(text))
    assert "signed with a key of this installation" in page.content.decode()
    assert "Nothing differs" in page.content.decode()
    page = browser.post(START, file(exported().replace('approval = "always"', 'approval = "never"') + CLIENT))
    told = page.content.decode()
    assert "not signed" in told
    assert "Needs approval" in told
    assert "<bdi>SIGNATURE</bdi>" in told
    assert re.search(r'Token types\s+· <bdi class="mono">signature</bdi>', told)
    assert "Make 2 drafts" in told
    assert not TokenType.objects.drafts().exists()

    made = browser.post(IMPORT, sent_back(page))
    assert (made.status_code, "no-store" in made.headers["Cache-Control"]) == (200, True)
    draft = TokenType.objects.drafts().get()
    assert reverse("console:token-type", args=[draft.pk]) in made.content.decode()
    token = re.search(r"imc_[0-9a-f]{64}", made.content.decode())
    assert token
    assert ApiClient.objects.get().digest not in made.content.decode()
    again = browser.post(IMPORT, sent_back(page))
    assert again.status_code == 409
    assert "Look at it again" in again.content.decode()
    assert token[0] not in again.content.decode()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("format = 1\n[[role]]\nperson = 'sven'\n", "role cannot be in a configuration file"),
        (b"\xff\xfe", "no text in UTF-8"),
        (b"#" * 1_600_000, "at most 1.5 MB"),
        ("x = [", "This is no TOML"),
        ("", "The file is empty"),
    ],
)
def test_a_wrong_file_is_told(sven: Person, given: str | bytes, told: str) -> None:
    page = signed_in(sven).post(START, file(given))
    assert page.status_code == 422
    assert told in page.content.decode()


def test_an_import_asks_who_one_is_and_takes_nothing_else(sven: Person) -> None:
    page = signed_in(sven).post(START, file("format = 1\n" + CLIENT))
    assert signed_in(sven).post(IMPORT, sent_back(page)).status_code == 302
    browser = signed_in(sven, 0)
    for wrong in ({"text": "@"}, {"seen": ""}, {"text": "/w=="}):
        assert browser.post(IMPORT, sent_back(page) | wrong).status_code == 302
    broken = browser.post(IMPORT, sent_back(page) | {"text": "eD0="}, follow=True)
    assert "This is no TOML" in broken.content.decode()
    assert browser.get(IMPORT).status_code == 302
    assert not ApiClient.objects.exists()


def test_an_auditor_reads_and_exports(company: Company) -> None:
    browser = signed_in(officer("otto", Role.AUDITOR))
    assert "Compare" not in browser.get(START).content.decode()
    assert browser.post(START, file("format = 1\n")).status_code == 403
    assert browser.post(reverse("console:configuration-export")).status_code == 200


# --- manage.py config ------------------------------------------------------------------------------
def run(*words: str) -> str:
    out = StringIO()
    call_command("config", *words, stdout=out)
    return out.getvalue()


def test_by_commands(sven: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.toml"
    path.write_text(run("export", "--sign"), encoding="utf-8")
    assert run("diff", str(path), "--officer", sven.personnel_number).startswith("Signed with ")
    assert run("export") == exported()
    path.write_text(exported().replace('approval = "always"', 'approval = "never"'), encoding="utf-8")
    with pytest.raises(CommandError) as differs:
        run("diff", str(path), "--officer", sven.personnel_number)
    assert differs.value.returncode == 1
    told = run("import", str(path), "--officer", sven.personnel_number)
    assert "    Needs approval: always -> never" in told
    assert "1 drafts are made" in told
    assert TokenType.objects.drafts().get().editors.get() == sven
    monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": BytesIO(path.read_bytes())}))
    with pytest.raises(CommandError, match="nothing"):
        run("import", "-", "--officer", sven.personnel_number)


def test_commands_refuse(sven: Person, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    for words, told in (
        (("diff", str(path), "--officer", "P-sven"), "cannot be read"),
        (("import", str(path), "--officer", "P-uma"), "Only a System Administrator"),
        (("import", str(path), "--officer", "nobody"), "Nobody has"),
    ):
        with pytest.raises(CommandError, match=told):
            run(*words)
        path.write_text("format = 1\n", encoding="utf-8")
    path.write_bytes(b"\xff")
    with pytest.raises(CommandError, match="UTF-8"):
        run("import", str(path), "--officer", "P-sven")
