"""**Export certificates**: vCard, LDIF and DER of a search, read back by other programs."""

import base64
import csv
import io
import re
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager import audit
from identity_manager.console.certificates import export_formats, export_page
from identity_manager.models import (
    AuditEvent,
    Certificate,
    DirectoryLink,
    DirectorySource,
    Person,
    Role,
)
from tests.identity_manager.console.visitors import officer
from tests.tools import cast, slapd
from tests.tools.sign_in import signed_in
from tests.tools.slapd import HOST, SUFFIX, Slapd

pytestmark = [pytest.mark.django_db, pytest.mark.long]
EXPORT = reverse("console:certificates-export")
BASE = f"ou=people,{SUFFIX}"


@pytest.fixture
def issued(company: cast.Company) -> list[Certificate]:
    """uma's: one to sign in with, one for encryption."""
    for code in ("client", "encryption"):
        cast.profile(code, purpose="encryption" if code == "encryption" else "authentication")
    token_type = cast.token_type("mail", profiles=("client", "encryption"))
    cast.noted(
        cast.delivered(
            cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, token_type)))
        ).tokens.get()
    )
    return list(Certificate.objects.order_by("position"))


def export(client: Client, **sent: object) -> Any:
    return client.post(EXPORT, {"search": "kind=certificate", "all": "1", "send": "1", **DEFAULTS, **sent})


DEFAULTS = {"format": "der", "server": "openldap", "base": "", "named_by": "mail"}


def text(client: Client, **sent: object) -> str:
    response = export(client, **sent)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    content: str = response.getvalue().decode()
    return content


def test_the_list_leads_to_the_formats(ada: Client, issued: list[Certificate]) -> None:
    assert f'formaction="{EXPORT}"' in ada.get(reverse("console:search"), {"kind": "certificate"}).text
    page = ada.post(EXPORT, {"search": "kind=certificate", "certificates": [str(issued[0].pk)]}).text
    assert "1 certificate is chosen." in page
    assert f'name="certificates" value="{issued[0].pk}"' in page
    assert not AuditEvent.objects.filter(name=audit.Event.LIST_EXPORTED).exists()


def test_der_of_several_is_a_zip_that_openssl_reads(
    ada: Client, issued: list[Certificate], tmp_path: Path
) -> None:
    Certificate.objects.filter(pk=issued[0].pk).update(subject="=HYPERLINK(1)")
    response = export(ada)
    assert response["Content-Type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(response.getvalue()))
    assert archive.testzip() is None
    *names, index = archive.namelist()
    assert index == "index.csv"
    assert {archive.read(name) for name in names} == {row.certificate for row in issued}
    assert all(re.fullmatch(r"[\w-]+\.cer", name) for name in names)
    for name in names:
        archive.extract(name, tmp_path)
        command = ["openssl", "x509", "-inform", "DER", "-noout", "-subject", "-in", tmp_path / name]
        subprocess.run(command, check=True, capture_output=True)
    table = list(csv.DictReader(io.StringIO(archive.read(index).decode(), newline="")))
    assert [row["file"] for row in table] == names
    assert "'=HYPERLINK(1)" in {row["subject"] for row in table}


def test_der_of_one_is_the_certificate(ada: Client, issued: list[Certificate]) -> None:
    response = export(ada, all="", certificates=str(issued[1].pk))
    assert response["Content-Type"] == "application/pkix-cert"
    assert response.content == issued[1].certificate


def unfolded(content: str) -> list[str]:
    return re.sub(r"\r?\n ", "", content).splitlines()


def test_a_vcard_has_valid_encryption_certificates_alone(ada: Client, issued: list[Certificate]) -> None:
    Person.objects.filter(display_name="Uma Lindqvist").update(display_name="Uma; Lindqvist, \\ Ä" * 5)
    content = text(ada, format="vcard")
    lines = unfolded(content)

    assert all(len(line.encode()) <= 75 for line in content.split("\r\n"))
    assert lines[:2] == ["BEGIN:VCARD", "VERSION:3.0"]
    assert lines[2] == "FN:" + "Uma\\; Lindqvist\\, \\\\ Ä" * 5
    assert "EMAIL;TYPE=INTERNET:uma@example.com" in lines
    keys = [line.removeprefix("KEY;ENCODING=b;TYPE=X509:") for line in lines if line.startswith("KEY")]
    assert [base64.b64decode(key) for key in keys] == [issued[1].certificate]
    assert x509.load_der_x509_certificate(base64.b64decode(keys[0]))


@pytest.mark.parametrize("wanted", ["vcard", "ldif-add"])
def test_what_has_ended_is_not_given_to_encrypt_with(
    ada: Client, issued: list[Certificate], wanted: str
) -> None:
    Certificate.objects.update(not_after=timezone.now() - timedelta(days=1))
    response = export(ada, format=wanted, base=BASE)
    assert response.status_code == 422
    assert "None of the chosen certificates can be put into such a file." in response.text


def test_ldif_can_take_away_what_has_ended(ada: Client, issued: list[Certificate]) -> None:
    Certificate.objects.update(not_after=timezone.now() - timedelta(days=1))
    lines = unfolded(text(ada, format="ldif-delete", base=BASE))
    assert lines[2:5] == [
        f"dn: mail=uma@example.com,{BASE}",
        "changetype: modify",
        "delete: userCertificate;binary",
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    entry = f"dn: cn=Uma Lindqvist,{BASE}\nobjectClass: inetOrgPerson\ncn: Uma Lindqvist\nsn: Lindqvist\n\n"
    with slapd.running(tmp_path_factory.mktemp("slapd"), entry) as found:
        yield found


def values(server: Slapd) -> list[bytes]:
    command = ["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", f"ldaps://{HOST}:{server.tls_port}"]
    command += [
        "-D",
        slapd.ADMIN,
        "-w",
        slapd.PASSWORD,
        "-b",
        BASE,
        "(sn=Lindqvist)",
        "userCertificate;binary",
    ]
    environment = {"LDAPTLS_CACERT": server.certificate, "PATH": "/usr/bin:/bin"}
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return [base64.b64decode(value) for value in re.findall(r"userCertificate;binary:: (\S+)", found)]


@pytest.mark.needs_program("slapd", "ldapmodify")
def test_openldap_takes_the_ldif_and_gives_the_value_up_again(
    ada: Client, issued: list[Certificate], server: Slapd
) -> None:
    sent = {"base": BASE, "named_by": "cn"}
    server.modify(text(ada, format="ldif-add", **sent))
    assert values(server) == [issued[1].certificate]
    server.modify(text(ada, format="ldif-delete", **sent))
    assert values(server) == []


def link(person: Person, key: str, external_id: str) -> None:
    source = DirectorySource.objects.create(name="staff")
    DirectoryLink.objects.create(source=source, person=person, key=key, external_id=external_id)


GUID = "0197a1b2-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("uid=uma,ou=people,dc=example,dc=com", "dn: uid=uma,ou=people,dc=example,dc=com"),
        (GUID, "dn:: " + base64.b64encode(f"<GUID={GUID}>".encode()).decode()),
    ],
)
def test_the_entry_of_the_directory_is_named_where_it_is_known(
    ada: Client, company: cast.Company, issued: list[Certificate], key: str, named: str
) -> None:
    link(company.uma, key, GUID)
    lines = unfolded(text(ada, format="ldif-add", server="ad", base=BASE))
    assert lines[2] == named
    assert lines[4] == "add: userCertificate"
    assert base64.b64decode(lines[5].removeprefix("userCertificate:: ")) == issued[1].certificate


def test_a_person_without_an_entry_is_told_in_a_comment(ada: Client, issued: list[Certificate]) -> None:
    Person.objects.filter(display_name="Uma Lindqvist").update(personnel_number="P-ü\ndn: x")
    lines = text(ada, format="ldif-add").splitlines()
    assert lines == ["version: 1", "", "# No entry is known of P-??dn: x"]


def test_a_name_breaks_out_of_no_distinguished_name() -> None:
    person = Person(display_name="Doe, Jane+ou=admins\nchangetype: delete", email="jane@example.com")
    name = export_formats.entry_below("dc=example", "cn")(person)
    assert re.fullmatch(r"cn=Doe\\, Jane\\\+ou\\=admins.*,dc=example", name, re.DOTALL)
    assert "\n" not in export_formats._attribute("dn", name)


@pytest.mark.parametrize("base", ["nonsense", "ou=people\ndn: x", "ou=", "=x"])
def test_a_base_that_is_no_distinguished_name_is_refused(
    ada: Client, issued: list[Certificate], base: str
) -> None:
    response = export(ada, format="ldif-add", base=base)
    assert response.status_code == 422
    assert "Write a distinguished name" in response.text


@pytest.mark.parametrize("changes", [{"format": "pfx"}, {"format": ""}, {"server": "x"}, {"named_by": "sn"}])
def test_what_is_not_offered_is_refused(
    ada: Client, issued: list[Certificate], changes: dict[str, str]
) -> None:
    assert export(ada, **changes).status_code == 422


def test_it_is_recorded_without_names(ada: Client, issued: list[Certificate]) -> None:
    export(ada, format="vcard")
    event = AuditEvent.objects.get(name=audit.Event.LIST_EXPORTED)
    assert event.facts == {"what": "certificate", "rows": 1, "filters": {"format": "vcard"}}


def test_an_officer_of_a_unit_exports_that_unit(company: cast.Company, issued: list[Certificate]) -> None:
    south = signed_in(officer("olga", Role.TOKEN_ADMINISTRATOR, unit="Süd"))
    assert export(south, certificates=str(issued[0].pk), all="").status_code == 422
    assert not AuditEvent.objects.filter(name=audit.Event.LIST_EXPORTED).exists()


def test_there_is_a_bound(ada: Client, issued: list[Certificate], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_page, "MOST", 1)
    response = export(ada)
    assert response.status_code == 422
    assert "Narrow the search." in response.text


def test_another_kind_of_list_is_refused(ada: Client, company: cast.Company) -> None:
    response = export(ada, search="kind=employee")
    assert "This list is not known any more." in response.text


def test_keys_stay_in_the_database(
    ada: Client, issued: list[Certificate], django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(20) as queries:
        export(ada).getvalue()
    assert not any("private_key_wrapped" in each["sql"] for each in queries.captured_queries)
