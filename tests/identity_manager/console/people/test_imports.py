"""Import on the pages: looked through, carried out, stopped by the guard, confirmed by a second officer."""

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager.audit import Event
from identity_manager.console.people import import_page
from identity_manager.directory import csv_file
from identity_manager.models import AuditEvent, ImportState, Person, PersonImport, Role
from identity_manager.people.imports import applying as importing
from identity_manager.workflow.people import imports
from tests.identity_manager.console.visitors import officer, tasks
from tests.tools import cast
from tests.tools.sign_in import signed_in

HEAD = "personnel_number,given_name,surname,state\n"
NEW = HEAD + "N-1,Nina,Neu,active\nN-2,Nils,Neu,registered\n"
LEAVING = HEAD + "P-uma,Uma,Lindqvist,inactive\n"


@pytest.fixture
def rita(company: cast.Company) -> Client:
    return signed_in(company.rita)


@pytest.fixture
def rolf(company: cast.Company) -> Client:
    """The second officer's browser."""
    return signed_in(officer("rolf", Role.REGISTRATION_OFFICER, sid=""))


def upload(browser: Client, content: str | bytes, name: str = "persons.csv") -> PersonImport:
    data = content if isinstance(content, bytes) else content.encode()
    response = browser.post(reverse("console:import-upload"), {"file": SimpleUploadedFile(name, data)})
    assert response.status_code == 302, response.text
    return PersonImport.objects.latest("asked_at")


def address(row: PersonImport, action: str = "") -> str:
    return reverse(f"console:import{action}", args=[row.pk])


def digest(browser: Client, row: PersonImport) -> str:
    return str(browser.get(address(row)).context["planned"].digest)


def send(browser: Client, row: PersonImport, action: str = "", **more: str) -> str:
    sent = {"digest": digest(browser, row), **more}
    return browser.post(address(row, action), sent, follow=True).text


def test_a_file_is_looked_through_and_nothing_happens(rita: Client) -> None:
    row = upload(rita, NEW + "N-3,,Ohne,active\n")
    page = rita.get(address(row), {"outcome": "refused"}).text
    assert "Given name" in page
    assert "N-3" in page
    assert not Person.objects.filter(personnel_number__startswith="N-").exists()


def test_it_is_imported_and_the_file_is_dropped(rita: Client, company: cast.Company) -> None:
    row = upload(rita, NEW)
    assert "The persons are imported." in send(rita, row)
    assert Person.objects.filter(personnel_number__startswith="N-").count() == 2
    row.refresh_from_db()
    assert (row.state, row.content, row.counts["create"]) == (ImportState.DONE, None, 2)
    event = AuditEvent.objects.get(name=Event.PERSONS_IMPORTED.value)
    assert event.actor == company.rita


def test_refused_rows_stop_it_until_the_others_are_accepted_alone(rita: Client) -> None:
    row = upload(rita, NEW + "N-3,,Ohne,active\n")
    response = rita.post(address(row), {"digest": digest(rita, row)})
    assert response.status_code == 422
    assert "Some rows are refused" in response.text
    assert not Person.objects.filter(personnel_number__startswith="N-").exists()
    send(rita, row, accept_partial="on")
    assert set(
        Person.objects.filter(personnel_number__startswith="N-").values_list("personnel_number", flat=True)
    ) == {"N-1", "N-2"}


def test_the_guard_asks_a_second_officer_who_confirms(
    rita: Client, rolf: Client, company: cast.Company
) -> None:
    row = upload(rita, LEAVING)
    assert "A second officer confirms this" in rita.get(address(row)).text
    assert "Until then nothing is imported." in send(rita, row)
    company.uma.refresh_from_db()
    assert company.uma.is_active
    assert "Another Registration Officer decides on this." in rita.get(address(row)).text
    refused = rita.post(address(row, "-confirm"), {"digest": digest(rita, row)})
    assert refused.status_code == 403

    assert tasks(rita.get(reverse("console:approvals")), "imports") == []
    assert tasks(rolf.get(reverse("console:approvals")), "imports") == [row]
    assert "The persons are imported." in send(rolf, row, "-confirm")
    company.uma.refresh_from_db()
    assert not company.uma.is_active
    names = list(
        AuditEvent.objects.filter(name__startswith="import.").values_list("name", "actor__given_name")
    )
    assert names == [("import.asked", "Rita"), ("import.confirmed", "Rolf")]


def test_who_did_not_choose_the_file_asks_no_second_officer_and_is_not_that_officer_then(
    rita: Client, rolf: Client, company: cast.Company
) -> None:
    row = upload(rita, LEAVING)
    page = rolf.get(address(row)).text
    assert "Somebody else chose this file." in page
    assert "Ask a second officer" not in page
    assert rolf.post(address(row), {"digest": digest(rolf, row)}).status_code == 403
    assert rolf.post(address(row, "-confirm"), {"digest": digest(rolf, row)}).status_code == 409
    row.refresh_from_db()
    company.uma.refresh_from_db()
    assert (row.state, company.uma.is_active) == (ImportState.UPLOADED, True)


def test_nobody_imports_a_change_of_their_own_record(
    rita: Client, rolf: Client, company: cast.Company
) -> None:
    number = company.rita.personnel_number
    renamed = f"personnel_number,given_name,surname\n{number},Uma,Lindqvist\n"
    row = upload(rita, renamed)
    page = rita.get(address(row), {"outcome": "refused"}).text
    assert "This is your own record. Another Registration Officer does it." in page
    assert rita.post(address(row), {"digest": digest(rita, row)}).status_code == 422
    send(rita, row, accept_partial="on")
    company.rita.refresh_from_db()
    assert company.rita.surname != "Lindqvist"

    assert "The persons are imported." in send(rolf, upload(rolf, renamed))
    company.rita.refresh_from_db()
    assert company.rita.surname == "Lindqvist"


def test_who_confirms_sees_first_what_the_guard_asks_about(rita: Client) -> None:
    row = upload(rita, LEAVING + "N-1,Nina,Neu,active\n")
    page = rita.get(address(row)).text
    assert "State: Active → Inactive" in page
    assert "Nina" not in page
    assert "Nina" in rita.get(address(row), {"outcome": "create"}).text


@pytest.mark.usefixtures("company")
def test_fields_are_named_as_the_language_writes_them(rita: Client) -> None:
    row = upload(
        rita, "personnel_number,given_name,surname,email,upn,kind\nP-uma,Uma,Lindqvist,x,y,external\n"
    )
    rita.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    page = rita.get(address(row)).text
    assert "E-Mail: " in page
    assert "Benutzerprinzipalname (UPN): " in page
    row = upload(rita, "personnel_number,given_name,surname,kind\nP-uma,Uma,Lindqvist,external\n")
    assert "Art: Beschäftigte → Externe" in rita.get(address(row)).text


def test_the_second_officer_says_no_and_why(rita: Client, rolf: Client, company: cast.Company) -> None:
    row = upload(rita, LEAVING)
    send(rita, row)
    assert rolf.post(address(row, "-reject"), {"reason": " "}).status_code == 422
    rolf.post(address(row, "-reject"), {"reason": "The wrong file."})
    assert "The wrong file." in rita.get(address(row)).text
    company.uma.refresh_from_db()
    assert company.uma.is_active
    assert rolf.post(address(row, "-confirm"), {"digest": "x"}).status_code == 409


def test_what_was_seen_is_what_is_imported(rita: Client) -> None:
    row = upload(rita, HEAD + "N-1,Nina,Neu,active\n")
    seen = digest(rita, row)
    cast.person("nina", personnel_number="N-1", sid="")
    response = rita.post(address(row), {"digest": seen})
    assert response.status_code == 409
    assert "Persons have changed since you opened the page." in response.text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "The file is empty."), (b"\x00\x01binary", ""), (HEAD.encode(), "no row below its first line")],
)
def test_what_is_no_list_of_persons_is_refused_beside_the_field(
    rita: Client, content: bytes, sentence: str
) -> None:
    sent = {"file": SimpleUploadedFile("x.csv", content)}
    response = rita.post(reverse("console:import-upload"), sent)
    assert response.status_code == 422
    assert sentence in response.text
    assert response.context["form"].errors["file"]
    assert not PersonImport.objects.exists()


def test_a_file_that_is_too_large_is_refused(rita: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MOST_BYTES", 100)
    sent = {"file": SimpleUploadedFile("x.csv", NEW.encode() * 3)}
    assert "The file is larger than 5 MB." in rita.post(reverse("console:import-upload"), sent).text


def test_an_officer_of_one_unit_does_not_import(company: cast.Company) -> None:
    browser = signed_in(officer("nora", Role.REGISTRATION_OFFICER, unit="Nord", sid=""))
    response = browser.get(reverse("console:import-upload"))
    assert response.status_code == 403
    assert "An import reaches every organisational unit" in response.text
    assert reverse("console:import-upload") not in browser.get(reverse("console:search")).text


def test_the_report_comes_as_a_file_that_no_spreadsheet_runs(rita: Client) -> None:
    row = upload(rita, HEAD + "=1+1,Nina,Neu,active\n")
    report = b"".join(rita.get(address(row, "-report")).streaming_content).decode("utf-8-sig")
    assert "'=1+1" in report
    assert "Refused" in report


def test_it_is_withdrawn_by_hand_or_by_time(rita: Client) -> None:
    first, second = upload(rita, NEW), upload(rita, NEW)
    rita.post(address(first, "-withdraw"))
    assert imports.forget_old() == 0
    PersonImport.objects.filter(pk=second.pk).update(asked_at=timezone.now() - imports.KEPT * 1.01)
    assert imports.forget_old() == 1
    assert set(PersonImport.objects.values_list("state", "content")) == {(ImportState.WITHDRAWN, None)}
    assert rita.get(address(second, "-report")).status_code == 404


def test_pages_of_an_import_that_has_ended_say_so_at_once(rita: Client) -> None:
    ended = upload(rita, NEW)
    rita.post(address(ended, "-withdraw"))

    for what in ("-reject", "-withdraw"):
        page = rita.get(address(ended, what)).text
        assert str(imports.NOT_OPEN) in page
        assert 'class="form card"' not in page
        late = rita.post(address(ended, what), {"reason": "Too late."})
        assert late.status_code == 409
        assert late.context["row"] == ended


def test_older_imports_stand_on_the_next_page(
    rita: Client, company: cast.Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_page, "IMPORTS_SHOWN", 2)
    for number in range(3):
        PersonImport.objects.create(file_name=f"list-{number}.csv", sha256="0" * 64, asked_by=company.rita)
    page = reverse("console:import-upload")

    first, second = rita.get(page).text, rita.get(page, {"page": "2"}).text

    assert [f"list-{number}.csv" in first for number in range(3)] == [False, True, True]
    assert "?page=2" in first
    assert "list-0.csv" in second


WITH_MAIL = "personnel_number,given_name,surname,state,email,upn\n" + "".join(
    f"N-{number},Nina{number},Neu,active,n{number}@example.com,n{number}@corp.example.com\n"
    for number in range(1, 4)
)


def test_a_second_officer_confirms_what_new_persons_are_called_on_the_page(
    rita: Client, rolf: Client, company: cast.Company
) -> None:
    row = upload(rita, WITH_MAIL)
    assert "n1@example.com (waits for a second officer)" in rita.get(address(row)).text
    assert "wait for a second officer, on this page" in send(rita, row)
    own = rita.get(address(row)).text
    assert "Another Registration Officer confirms its identities." in own
    assert address(row, "-identities") not in own

    (waiting,) = tasks(rolf.get(reverse("console:approvals")), "imports")
    assert waiting == row
    assert not tasks(rita.get(reverse("console:approvals")), "imports")
    assert not tasks(rolf.get(reverse("console:approvals")), "identity-changes")
    page = rolf.get(address(row))
    for number in range(1, 4):
        assert f"n{number}@example.com" in page.text
        assert f"n{number}@corp.example.com" in page.text
    sent = {"digest": page.context["identities_digest"]}
    text = rolf.post(address(row, "-identities"), sent, follow=True).text
    assert "3 persons are confirmed." in text
    assert Person.objects.filter(personnel_number__startswith="N-").exclude(upn="").count() == 3
    assert not tasks(rolf.get(reverse("console:approvals")), "imports")


def test_who_imported_and_a_page_that_has_grown_old_confirm_nothing(rita: Client, rolf: Client) -> None:
    row = upload(rita, WITH_MAIL)
    send(rita, row)
    sent = {"digest": rolf.get(address(row)).context["identities_digest"]}
    assert rita.post(address(row, "-identities"), sent).status_code == 403
    stale = rolf.post(address(row, "-identities"), {"digest": "0" * 64})
    assert stale.status_code == 409
    assert "not the identities that you saw any more" in stale.text
    assert not Person.objects.filter(personnel_number__startswith="N-").exclude(upn="").exists()


def test_an_import_by_the_operator_has_a_page_too(rolf: Client) -> None:
    content = WITH_MAIL.encode()
    planned = importing.plan(csv_file.read(content))
    imports.carry_out_on_the_machine(planned, file_name="night.csv", content=content, accept_partial=False)
    row = PersonImport.objects.get()
    page = rolf.get(address(row))
    assert "Imported by who operates the machine" in page.text
    assert "who operates the machine" in rolf.get(reverse("console:import-upload")).text
    sent = {"digest": page.context["identities_digest"]}
    assert "3 persons are confirmed." in rolf.post(address(row, "-identities"), sent, follow=True).text
