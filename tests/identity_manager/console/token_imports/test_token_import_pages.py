"""Imports of tokens in the officers' portal: certificates from a page, two officers, the meter."""

from base64 import b64encode
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ca_bridge.contract import RevocationReason
from identity_manager.models import (
    Certificate,
    ImportedCertificate,
    Person,
    Role,
    SoftwareToken,
    TokenImport,
    TokenRequest,
)
from identity_manager.workflow.revocation import revoke
from tests.identity_manager.console.visitors import officer, tasks
from tests.tools import cast, foreign_files, token_imports
from tests.tools.foreign_files import SIGNS, certificate, der, ec_key, pem
from tests.tools.sign_in import signed_in
from tests.tools.token_imports import Office
from tests.tools.x509 import key_pem

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(db: None) -> Office:
    return token_imports.office()


@pytest.fixture
def uma(staff: Office) -> Person:
    return cast.person("uma")


@pytest.fixture
def ada(staff: Office) -> Client:
    return signed_in(staff.ada)


@pytest.fixture
def anton(staff: Office) -> Client:
    return signed_in(staff.anton)


def uploaded(ada: Client, staff: Office, content: bytes, name: str = "file.pem") -> TokenImport:
    found = ada.post("/token-imports/", {"file": SimpleUploadedFile(name, content), "types": staff.types})
    assert found.status_code == 302, found.context["form"].errors
    return TokenImport.objects.latest("asked_at")


def imported(ada: Client, anton: Client, staff: Office, content: bytes) -> TokenImport:
    row = uploaded(ada, staff, content)
    ada.post(f"/token-imports/{row.pk}/ask/", {"digest": row.digest})
    anton.post(f"/token-imports/{row.pk}/confirm/", {"digest": row.digest})
    row.refresh_from_db()
    assert row.state == "done"
    return row


def ldif(content: bytes) -> bytes:
    """As LDAP servers write it, with folded lines."""
    text = b64encode(content)
    folded = b"\n ".join(text[start : start + 70] for start in range(0, len(text), 70))
    return b"dn: uid=uma,o=Example\nuserCertificate;binary:: " + folded + b"\nmail: uma@example.com\n"


@pytest.mark.parametrize("form", ["pem", "der", "ldif"])
def test_from_the_upload_to_the_token(
    staff: Office, uma: Person, ada: Client, anton: Client, form: str
) -> None:
    made = certificate(ec_key(), email="uma@example.com", usage=SIGNS)
    content = {"pem": pem(made), "der": der(made), "ldif": ldif(der(made))}[form]
    row = uploaded(ada, staff, content)
    page = ada.get(f"/token-imports/{row.pk}/").content.decode()
    assert uma.display_name in page
    assert "by e-mail" in page
    assert "OLD-ENCRYPTION, OLD-SIGNATURE" in page  # their names, not their codes
    assert [each.pk for each in tasks(anton.get("/open-tasks/"), "token-imports-to-look-at")] == [row.pk]

    assert ada.post(f"/token-imports/{row.pk}/ask/", {"digest": row.digest}).status_code == 302
    assert tasks(ada.get("/open-tasks/"), "token-imports") == []
    assert [each.pk for each in tasks(anton.get("/open-tasks/"), "token-imports")] == [row.pk]
    assert ada.post(f"/token-imports/{row.pk}/confirm/", {"digest": row.digest}).status_code == 403
    assert not SoftwareToken.objects.exists()
    assert anton.post(f"/token-imports/{row.pk}/confirm/", {"digest": row.digest}).status_code == 302
    token = SoftwareToken.objects.get()
    assert (token.person, token.state) == (uma, "active")
    assert token.certificates.get().der == der(made)
    assert anton.post(f"/token-imports/{row.pk}/confirm/", {"digest": row.digest}).status_code == 409
    assert ada.get(f"/token-imports/{row.pk}/?outcome=done").context["lines"][0].row.person == uma


def test_its_request_and_its_person_have_their_pages(
    staff: Office, uma: Person, ada: Client, anton: Client
) -> None:
    imported(ada, anton, staff, pem(certificate(ec_key(), email="uma@example.com", usage=SIGNS)))
    request = TokenRequest.objects.get()
    page = ada.get(f"/requests/{request.pk}/")
    assert page.status_code == 200
    assert "Import from another system" in page.content.decode()
    assert ada.get(f"/persons/{uma.pk}/").status_code == 200
    token = SoftwareToken.objects.get()
    for address in ("/my/", "/my/certificates/", f"/my/certificates/{token.pk}/"):
        assert signed_in(uma).get(address).status_code == 200, address


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"nothing", "holds no certificate"),
        (key_pem(ec_key()), "holds a private key"),
        (b"\0" * (5 * 1024 * 1024 + 1), "larger than 5 MB"),
        (b"", "is empty"),
    ],
)
def test_bad_files(staff: Office, ada: Client, content: bytes, words: str) -> None:
    found = ada.post("/token-imports/", {"file": SimpleUploadedFile("a.pem", content), "types": staff.types})
    assert found.status_code == 422
    assert words in found.content.decode()
    assert not TokenImport.objects.exists()


@pytest.mark.needs_program("openssl")
def test_a_file_with_keys_is_not_for_this_page(staff: Office, ada: Client, tmp_path: object) -> None:
    made = certificate(ec_key(), email="uma@example.com")
    content = foreign_files.openssl(tmp_path, ec_key(), made)  # type: ignore[arg-type]  # a path
    found = ada.post("/token-imports/", {"file": SimpleUploadedFile("a.p12", content), "types": staff.types})
    assert found.status_code == 422
    assert "manage.py import_tokens" in found.content.decode()


def test_too_many_certificates(staff: Office, ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("identity_manager.workflow.token_imports.dry_run.MOST_FROM_A_PAGE", 1)
    content = pem(certificate(ec_key())) + pem(certificate(ec_key()))
    found = ada.post("/token-imports/", {"file": SimpleUploadedFile("a.pem", content), "types": staff.types})
    assert found.status_code == 422
    assert not TokenImport.objects.exists()


def test_no_type_chosen_and_an_unknown_one(staff: Office, ada: Client) -> None:
    content = pem(certificate(ec_key()))
    for types in ([], ["nothing"]):
        file = SimpleUploadedFile("a.pem", content)
        assert ada.post("/token-imports/", {"file": file, "types": types}).status_code == 422


def test_a_stale_page_and_nothing_to_do(staff: Office, uma: Person, ada: Client, anton: Client) -> None:
    nobody = uploaded(ada, staff, pem(certificate(ec_key(), email="nobody@example.com", usage=SIGNS)))
    found = ada.post(f"/token-imports/{nobody.pk}/ask/", {"digest": nobody.digest})
    assert found.status_code == 422
    assert "No certificate of this import" in found.content.decode()

    row = uploaded(ada, staff, pem(certificate(ec_key(), email="uma@example.com", usage=SIGNS)))
    assert ada.post(f"/token-imports/{row.pk}/ask/", {"digest": "0" * 64}).status_code == 409
    ada.post(f"/token-imports/{row.pk}/ask/", {"digest": row.digest})
    assert anton.post(f"/token-imports/{row.pk}/reject/", {"reason": ""}).status_code == 422
    assert anton.post(f"/token-imports/{row.pk}/reject/", {"reason": "Not her"}).status_code == 302
    assert "Not her" in ada.get(f"/token-imports/{row.pk}/").content.decode()
    assert not SoftwareToken.objects.exists()


def test_withdrawn(staff: Office, uma: Person, ada: Client) -> None:
    row = uploaded(ada, staff, pem(certificate(ec_key(), email="uma@example.com", usage=SIGNS)))
    assert ada.get(f"/token-imports/{row.pk}/withdraw/").status_code == 200
    assert ada.post(f"/token-imports/{row.pk}/withdraw/").status_code == 302
    assert ada.post(f"/token-imports/{row.pk}/ask/", {"digest": row.digest}).status_code == 409


def test_an_administrator_of_a_unit_alone_imports_nothing(staff: Office) -> None:
    limited = officer("lena", Role.TOKEN_ADMINISTRATOR, unit="Nord", sid="")
    assert signed_in(limited).get("/token-imports/").status_code == 403


def test_a_certificate_of_a_connected_ca_is_revoked_there_and_another_by_hand(
    staff: Office, uma: Person, ada: Client, anton: Client
) -> None:
    imported(ada, anton, staff, pem(certificate(ec_key(), email="uma@example.com", usage=SIGNS)))
    assert ImportedCertificate.objects.get().ca == ""
    token = SoftwareToken.objects.get()
    revoke.revoke_token(actor=staff.ada, token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE)
    revoke.revoke_at_ca(certificate_id=token.certificates.get().pk)
    assert [each.token for each in Certificate.objects.to_be_revoked_by_hand(timezone.now())] == [token]
    assert ada.get("/open-tasks/").status_code == 200


def test_a_certificate_that_a_connected_ca_issued(
    staff: Office, uma: Person, ada: Client, anton: Client
) -> None:
    """Issued here and forgotten: as a restore of an old backup leaves it."""
    request = cast.accepted(cast.enabled(staff.ada, uma, staff.signature))
    cast.issued(request)
    own = Certificate.objects.get()
    content = own.der
    Certificate.objects.filter(pk=own.pk).update(
        fingerprint_sha256="", serial="", public_key_sha256=None, certificate=None
    )
    SoftwareToken.objects.update(state="revoked", is_open=False)
    imported(ada, anton, staff, content)
    assert ImportedCertificate.objects.get().ca == "corporate"
    token = SoftwareToken.objects.get(kind="import")
    revoke.revoke_token(actor=staff.ada, token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE)
    revoke.revoke_at_ca(certificate_id=token.certificates.get().pk)
    assert token.certificates.get().state == "revoked"


def test_the_meter_and_its_searches(staff: Office, uma: Person, ada: Client, anton: Client) -> None:
    sam = cast.person("sam")
    empty = ada.get("/migration/").content.decode()
    assert "Nothing was imported yet" in empty
    assert reverse("console:token-imports") in empty
    otto = signed_in(officer("otto", Role.AUDITOR)).get("/migration/").content.decode()
    assert "Nothing was imported yet" in otto
    assert reverse("console:token-imports") not in otto
    soon = timezone.now() + timedelta(days=9)
    made = [
        certificate(ec_key(), email="uma@example.com", usage=SIGNS, ends=soon),
        certificate(foreign_files.rsa_key(), email="sam@example.com"),
    ]
    imported(ada, anton, staff, b"".join(map(pem, made)))
    figures = ada.get("/migration/").context["figures"]
    assert [figure.number for figure in figures] == [2, 2, 1, 2]
    (missing,) = ada.get(figures[2].url).context["rows"]
    assert missing.person == sam
    issuers = ada.get("/migration/").context["issuers"]
    assert [each.number for each in issuers] == [2]
    assert len(ada.get(issuers[0].url).context["rows"]) == 2

    own = SoftwareToken.objects.get(person=uma)
    SoftwareToken.objects.create(
        request=own.request, person=uma, token_type=own.token_type, type_code=own.type_code, kind="renewal",
        snapshot={}, state="active", is_open=False, predecessor=own,
    )  # fmt: skip
    assert [figure.number for figure in ada.get("/migration/").context["figures"]] == [2, 1, 1, 2]
