"""Tokens of another system: the dry run, two officers, and what is made of each certificate."""

from datetime import timedelta
from itertools import combinations
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.contract import RevocationReason
from ca_bridge.keys.keys import public_key_sha256
from ca_bridge.pkcs12 import foreign
from identity_manager.models import (
    ArchivedKey,
    AuditEvent,
    BlockedKey,
    Certificate,
    ImportedCertificate,
    OutgoingMail,
    Person,
    RecoveryCertificate,
    RenewalNotice,
    ReplacementCause,
    Role,
    SoftwareToken,
    TermsAcceptance,
    TermsText,
    TokenImport,
    TokenImportRow,
    TokenRequest,
)
from identity_manager.people import erasure
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow import step1_recover, step1_renew, step1_replace, step6_passphrase
from identity_manager.workflow.archive import recovery_certificates
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.renewal import expiry_check, policy, supersession
from identity_manager.workflow.revocation import revoke
from identity_manager.workflow.step1_replace import ReplacementOrder
from identity_manager.workflow.token_imports import decisions, dry_run, execution
from tests.identity_manager.workflow.archive.test_intake import opened
from tests.tools import cast, foreign_files, recovery, token_imports
from tests.tools.foreign_files import SIGNS, certificate, rsa_key
from tests.tools.token_imports import PASSWORD, Office, OldSystem

pytestmark = [pytest.mark.django_db, pytest.mark.needs_program("openssl"), pytest.mark.long]


@pytest.fixture
def staff(db: None) -> Office:
    return token_imports.office()


@pytest.fixture
def uma(staff: Office) -> Person:
    return cast.person("uma")


@pytest.fixture
def old(tmp_path: Path) -> OldSystem:
    return OldSystem(tmp_path)


@pytest.fixture
def archive(staff: Office) -> RecoveryCertificate:
    return recovery.in_force(recovery.officers())


def outcomes(row: TokenImport) -> list[tuple[str, str, str]]:
    return list(row.rows.values_list("file_name", "outcome", "code"))


def imported(staff: Office, old: OldSystem) -> TokenImport:
    """What the command does, in this process."""
    row = token_imports.confirmed(staff, old.files)
    call_command("import_tokens", str(old.folder), passwords=old.password_file, confirmed=row.pk)
    row.refresh_from_db()
    return row


def test_the_command_from_the_dry_run_to_the_recovered_key(
    staff: Office,
    uma: Person,
    old: OldSystem,
    archive: RecoveryCertificate,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = rsa_key()
    old.gives("uma.p12", key, certificate(key, email="Uma@example.com"))
    command = ("import_tokens", str(old.folder), "--passwords", str(old.password_file))
    call_command(*command, "--type", staff.encryption.code)
    said = capsys.readouterr().out
    assert "uma.p12" in said
    assert "P-uma email  new  key archived" in said
    assert PASSWORD not in said
    row = TokenImport.objects.get()
    assert (row.state, SoftwareToken.objects.count()) == ("looked_through", 0)
    with pytest.raises(CommandError, match="Two officers"):
        call_command(*command, "--confirmed", str(row.pk))

    decisions.ask(actor=staff.ada, import_id=row.pk, digest=row.digest)
    decisions.confirm(actor=staff.anton, import_id=row.pk, digest=row.digest)
    call_command(*command, "--confirmed", str(row.pk))
    token = SoftwareToken.objects.get()
    assert (token.state, token.kind, token.person, token.is_open) == ("active", "import", uma, False)
    assert (token.request.state, token.request.requested_by) == ("completed", staff.ada)
    assert token.snapshot["key_algorithm"] == "rsa-2048"
    (stored,) = token.certificates.all()
    assert (stored.state, stored.public_key_sha256, stored.private_key_wrapped) == ("valid", None, None)
    assert opened(ArchivedKey.objects.get()).private_numbers() == key.private_numbers()  # type: ignore[union-attr]  # RSA
    assert TokenImport.objects.get().state == "done"
    assert not OutgoingMail.objects.exists()
    names = set(AuditEvent.objects.values_list("name", flat=True))
    assert {
        "token-import.asked",
        "token-import.confirmed",
        "token-import.finished",
        "token.imported",
    } <= names
    assert "archive.key-archived" in names

    with pytest.raises(CommandError):  # it is done
        call_command(*command, "--confirmed", str(row.pk))
    call_command(*command, "--type", staff.encryption.code)
    again = TokenImport.objects.exclude(pk=row.pk).get()
    assert outcomes(again) == []  # a file that was imported is not opened again
    assert SoftwareToken.objects.count() == 1


@pytest.mark.parametrize(
    ("names", "by"),
    [
        ({"email": "UMA@EXAMPLE.COM"}, "email"),
        ({"upn": "Uma@corp.example.com"}, "upn"),
        ({"sid": "S-1-5-21-1-2-3-1323"}, "sid"),
        ({"subject": "CN=Somebody,serialNumber=P-uma"}, "number"),
        ({"subject": "CN=Somebody,UID=P-uma"}, "number"),
        ({"email": "uma@example.com", "upn": "uma@corp.example.com"}, "upn"),
        ({"email": "alias@example.com", "upn": "uma@corp.example.com"}, "upn"),
    ],
)
def test_found_by_each_name(
    staff: Office, uma: Person, old: OldSystem, names: dict[str, str], by: str
) -> None:
    if "subject" in names:
        names = {"subject": names["subject"].replace("serialNumber", "2.5.4.5")}
    old.gives("a.p12", rsa_key(), certificate(rsa_key(), **names))
    (row,) = token_imports.looked_through(staff.types, old.files).rows.all()
    assert (row.person, row.matched_by, row.outcome) == (uma, by, "new")


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ({"email": "nobody@example.com"}, "import-nobody"),
        ({"email": "uma@example.com", "upn": "sam@corp.example.com"}, "import-several-persons"),
        ({"email": "locked@example.com"}, "import-person-locked"),
        ({"email": "away@example.com"}, "import-person-not-active"),
        ({"email": "uma@example.com", "usage": ("keyCertSign",)}, "import-no-type"),
    ],
)
def test_left_out_by_name(
    staff: Office, uma: Person, old: OldSystem, names: dict[str, object], code: str
) -> None:
    cast.person("sam")
    cast.person("locked", state="locked", sid="")
    cast.person("away", state="inactive", sid="")
    made = certificate(rsa_key(), **({"usage": ("dataEncipherment",)} | names))  # type: ignore[arg-type]  # of several kinds
    old.gives("a.p12", rsa_key(), made)
    assert outcomes(token_imports.looked_through(staff.types, old.files)) == [("a.p12", "refused", code)]


def test_an_address_that_a_locked_person_had_is_nobodys(staff: Office, uma: Person, old: OldSystem) -> None:
    """The certificate may be the former holder's."""
    cast.person("former", state="locked", sid="", email=uma.email)
    old.gives("a.p12", rsa_key(), certificate(rsa_key(), email=uma.email))
    (found,) = outcomes(token_imports.looked_through(staff.types, old.files))
    assert found[2] == "import-several-persons"


def test_files_that_do_not_open_are_rows_too(staff: Office, uma: Person, old: OldSystem) -> None:
    old.gives("wrong.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    old.passwords["wrong.p12"] = "another"
    old.gives("no-password.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    del old.passwords["no-password.p12"]
    old.passwords["store.jks"] = "x"
    foreign_files.write(old.folder, "store.jks", b"\xfe\xed\xfe\xed\0\0\0\2")
    assert outcomes(token_imports.looked_through(staff.types, old.files)) == [
        ("no-password.p12", "refused", "import-no-password"),
        ("store.jks", "refused", "java-keystore"),
        ("wrong.p12", "refused", "wrong-password"),
    ]


def test_the_key_of_a_signature_certificate_is_never_archived(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate
) -> None:
    type(staff.signature).objects.filter(pk=staff.signature.pk).update(archive_key=True)  # as by a mistake
    old.gives("sign.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com", usage=SIGNS))
    row = imported(staff, old)
    assert (row.rows.get().has_key, row.rows.get().archives) == (True, False)
    assert (SoftwareToken.objects.get().type_code, ArchivedKey.objects.count()) == ("old-signature", 0)


def test_several_certificates_and_one_key(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate
) -> None:
    """One archive row for the key; the newest certificate is the token, the older ones are its past."""
    key, now = rsa_key(), timezone.now()
    made = [
        certificate(key, email="uma@example.com", ends=now + timedelta(days=days)) for days in (300, 100, -30)
    ]
    old.gives("uma.p12", key, *made)
    imported(staff, old)
    states = SoftwareToken.objects.order_by("certificates__not_after").values_list(
        "state", "certificates__state"
    )
    assert list(states) == [("expired", "expired"), ("replaced", "valid"), ("active", "valid")]
    assert (
        ArchivedKey.objects.get().certificate == SoftwareToken.objects.get(state="active").certificates.get()
    )
    digests = ImportedCertificate.objects.values_list("public_key_sha256", flat=True)
    assert len(digests) == 3
    assert set(digests) == {ArchivedKey.objects.get().public_key_sha256}
    assert TokenRequest.objects.count() == 1


def test_several_keys_of_one_person_have_a_row_each(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate
) -> None:
    for number in range(2):
        key = rsa_key(number)
        old.gives(f"{number}.p12", key, certificate(key, email="uma@example.com"))
    imported(staff, old)
    assert ArchivedKey.objects.filter(owner=uma).count() == 2
    assert sorted(SoftwareToken.objects.values_list("state", flat=True)) == ["active", "replaced"]


def test_a_certificate_first_and_its_key_later(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate
) -> None:
    made = certificate(rsa_key(), email="uma@example.com")
    foreign_files.write(old.folder, "uma.pem", foreign_files.pem(made))
    imported(staff, old)
    assert (SoftwareToken.objects.count(), ArchivedKey.objects.count()) == (1, 0)
    old.gives("uma.p12", rsa_key(), made)
    row = imported(staff, old)
    assert outcomes(row) == [("uma.p12", "done", "")]
    assert (SoftwareToken.objects.count(), ArchivedKey.objects.get().owner) == (1, uma)


def test_a_certificate_of_another_person_here(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate
) -> None:
    old.gives("uma.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    imported(staff, old)
    sam = cast.person("sam")
    Person.objects.filter(pk=uma.pk).update(email="other@example.com")
    Person.objects.filter(pk=sam.pk).update(email="uma@example.com")
    same = SoftwareToken.objects.get().certificates.get().der
    foreign_files.write(old.folder, "again.der", same)
    renewed = certificate(rsa_key(), email="uma@example.com")  # the same key, now in another's name
    old.gives("renewed.p12", rsa_key(), renewed)
    assert outcomes(token_imports.looked_through(staff.types, old.files)) == [
        ("again.der", "refused", "import-known-of-other"),
        ("renewed.p12", "refused", "import-key-of-other"),
    ]


def test_nobody_confirms_what_they_asked_for(staff: Office, uma: Person, old: OldSystem) -> None:
    old.gives("uma.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    row = token_imports.waiting(staff, old.files)
    with pytest.raises(NotAllowed) as caught:
        decisions.confirm(actor=staff.ada, import_id=row.pk, digest=row.digest)
    assert caught.value.reason.code == "own-token-import"
    with pytest.raises(NotAllowed):
        decisions.confirm(actor=uma, import_id=row.pk, digest=row.digest)


def test_no_two_roles_of_one_person_import(staff: Office, uma: Person, old: OldSystem) -> None:
    """Also with roles that go together only where the installation allows it."""
    old.gives("uma.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    row = token_imports.looked_through(staff.types, old.files)
    for number, pair in enumerate(combinations(Role, 2)):
        mallory = cast.person(f"mallory-{number}", sid="", roles=pair)
        if Role.TOKEN_ADMINISTRATOR in pair:
            decisions.ask(actor=mallory, import_id=row.pk, digest=row.digest)
        with pytest.raises((NotAllowed, Stale)):
            decisions.confirm(actor=mallory, import_id=row.pk, digest=row.digest)
        TokenImport.objects.update(state="looked_through", asked_by=None)
    assert not SoftwareToken.objects.exists()


def test_what_officers_bring_in_of_themselves_is_left_to_others(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate
) -> None:
    for name in ("ada", "anton", "uma"):
        old.gives(f"{name}.p12", rsa_key(), certificate(rsa_key(), email=f"{name}@example.com"))
    row = imported(staff, old)
    assert outcomes(row) == [
        ("ada.p12", "refused", "import-of-an-officer"),
        ("anton.p12", "refused", "import-of-an-officer"),
        ("uma.p12", "done", ""),
    ]
    assert [token.person for token in SoftwareToken.objects.all()] == [uma]


@pytest.mark.parametrize("when", ["before the second officer", "before it is carried out"])
def test_the_matching_was_changed_in_between(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate, when: str
) -> None:
    """By somebody who writes to the database: another person is named on the row."""
    sam = cast.person("sam")
    old.gives("uma.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    row = token_imports.waiting(staff, old.files)
    digest = row.digest
    if when == "before the second officer":
        TokenImportRow.objects.update(person=sam)
        with pytest.raises(Stale) as caught:
            decisions.confirm(actor=staff.anton, import_id=row.pk, digest=digest)
        assert caught.value.reason.code == "other-matching"
        return
    decisions.confirm(actor=staff.anton, import_id=row.pk, digest=digest)
    TokenImportRow.objects.update(person=sam)
    with pytest.raises(Stale) as caught:
        execution.carry_out(row.pk, keys_of=execution.no_keys)
    assert caught.value.reason.code == "token-import-changed"
    assert not SoftwareToken.objects.exists()


def test_a_forged_confirmation_opens_nothing(staff: Office, uma: Person, old: OldSystem) -> None:
    old.gives("uma.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    row = token_imports.waiting(staff, old.files)
    TokenImport.objects.update(state="confirmed", decided_by=staff.anton, seal=b"forged")
    with pytest.raises(Stale):
        execution.carry_out(row.pk, keys_of=execution.no_keys)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"email": "married@example.com"}, "import-nobody"),
        ({"state": "locked", "upn_key": None}, "import-person-locked"),
    ],
)
def test_the_person_has_changed_since_the_officers_looked(
    staff: Office,
    uma: Person,
    old: OldSystem,
    archive: RecoveryCertificate,
    change: dict[str, object],
    code: str,
) -> None:
    old.gives("uma.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    row = token_imports.confirmed(staff, old.files)
    Person.objects.filter(pk=uma.pk).update(**change)
    call_command("import_tokens", str(old.folder), passwords=old.password_file, confirmed=row.pk)
    assert outcomes(row) == [("uma.p12", "refused", code)]
    assert not SoftwareToken.objects.exists()


def test_without_a_recovery_certificate_of_officers_no_key_comes_in(
    staff: Office, uma: Person, old: OldSystem
) -> None:
    """An online one does not do: its person has not accepted terms that name archiving."""
    officers = recovery.officers()
    online = recovery_certificates.make_online(name="Online", bits=3072, days=30)
    for officer in (officers.rene, officers.rosa):
        recovery_certificates.confirm(actor=officer, certificate_id=online.pk, fingerprint=online.fingerprint)
    old.gives("uma.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    row = token_imports.confirmed(staff, old.files)
    command = ("import_tokens", str(old.folder), "--passwords", str(old.password_file))
    with pytest.raises(CommandError, match="no recovery certificate of officers"):
        call_command(*command, "--confirmed", str(row.pk))
    assert (SoftwareToken.objects.count(), outcomes(row)) == (0, [("uma.p12", "new", "")])

    recovery.in_force(officers, 1)
    call_command(*command, "--confirmed", str(row.pk))
    kinds = ArchivedKey.objects.get().recipients.values_list("certificate__kind", flat=True)
    assert list(kinds) == ["officers"]


def test_it_is_resumed_where_it_stopped(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    persons = [uma, *(cast.person(name, sid="") for name in ("vera", "walt"))]
    for number, person in enumerate(persons):
        old.gives(f"{number}.p12", rsa_key(number), certificate(rsa_key(number), email=person.email))
    row = token_imports.confirmed(staff, old.files)
    command = ("import_tokens", str(old.folder), "--passwords", str(old.password_file))
    missing = old.folder / "1.p12"
    content = missing.read_bytes()
    missing.unlink()
    with pytest.raises(CommandError, match=r"1 files are not in the folder .* 1\.p12"):
        call_command(*command, "--confirmed", str(row.pk))
    assert SoftwareToken.objects.count() == 2
    assert TokenImport.objects.get().state == "confirmed"
    missing.write_bytes(content)

    opened_files = []
    read = execution.foreign.check_soundness
    monkeypatch.setattr(execution.foreign, "check_soundness", lambda key: (opened_files.append(1), read(key)))
    call_command(*command, "--confirmed", str(row.pk))
    assert (len(opened_files), SoftwareToken.objects.count(), ArchivedKey.objects.count()) == (1, 3, 3)
    assert TokenImport.objects.get().state == "done"


def test_the_dry_run_is_resumed_by_the_sums_of_files(staff: Office, uma: Person, old: OldSystem) -> None:
    for number in range(3):
        old.gives(f"{number}.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    files = old.files

    def stop() -> token_imports.File:
        raise KeyboardInterrupt

    row = token_imports.dry_run.begin(name="folder", types=staff.types)
    token_imports.dry_run.AT_ONCE, at_once = 1, token_imports.dry_run.AT_ONCE
    try:
        with pytest.raises(KeyboardInterrupt):
            token_imports.dry_run.look_through(row, [lambda: files[0], stop])
    finally:
        token_imports.dry_run.AT_ONCE = at_once
    assert outcomes(row) == [("0.p12", "new", "")]
    assert token_imports.looked_through(staff.types, files).pk == row.pk
    assert [name for name, _outcome, _code in outcomes(row)] == ["0.p12", "1.p12", "2.p12"]


def test_an_imported_token_is_watched(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate, settings: object
) -> None:
    soon = timezone.now() + timedelta(days=20)
    old.gives("uma.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com", ends=soon))
    imported(staff, old)
    (token,) = expiry_check.running_out(timezone.now())
    assert expiry_check.check([token.pk])
    assert RenewalNotice.objects.get().token == token


def test_withdrawn_it_is_never_imported(staff: Office, uma: Person, old: OldSystem) -> None:
    old.gives("uma.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    row = token_imports.confirmed(staff, old.files)
    decisions.withdraw(actor=staff.ada, import_id=row.pk)
    with pytest.raises(Stale):
        execution.carry_out(row.pk, keys_of=execution.no_keys)
    with pytest.raises(Stale):
        decisions.confirm(actor=staff.anton, import_id=row.pk, digest=row.digest)


def test_types_that_are_not_in_force(staff: Office, old: OldSystem) -> None:
    for types in ([], ["nothing"]):
        with pytest.raises(NotPossible):
            token_imports.looked_through(types, old.files)


def test_of_a_long_name_of_a_file_the_end_is_kept(staff: Office, uma: Person) -> None:
    content = certificate(rsa_key(), email="uma@example.com").public_bytes(Encoding.PEM)
    row = dry_run.of_certificates(name=f"{'x' * 250}.pem", content=content, types=staff.types)
    row.refresh_from_db()
    assert row.name == f"{'x' * 196}.pem"


def test_rows_of_old_imports_are_forgotten(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate
) -> None:
    old.gives("uma.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    imported(staff, old)
    assert decisions.forget_old() == 0
    TokenImport.objects.update(ended_at=timezone.now() - timedelta(days=91))
    assert decisions.forget_old() == 1
    assert Certificate.objects.count() == 1


def test_it_is_renewed_and_replaced_by_its_successor(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate
) -> None:
    """What another system said of the certificate is not known, so its profile counts as changed."""
    soon = timezone.now() + timedelta(days=20)
    made = certificate(rsa_key(), email="uma@example.com", usage=SIGNS, ends=soon)
    old.gives("uma.p12", rsa_key(), made)
    imported(staff, old)
    before = SoftwareToken.objects.get()
    request = step1_renew.renew(actor=uma, token_id=before.pk)
    (line,) = request.tokens.all()
    assert (line.predecessor, line.kind) == (before, "renewal")
    assert [each.now for each in policy.changes(line)] == ["1"]
    cast.noted(cast.delivered(cast.issued(cast.accepted(request))).tokens.get())
    SoftwareToken.objects.filter(pk=line.pk).update(
        delivered_at=timezone.now() - timedelta(days=8), acknowledged_at=timezone.now() - timedelta(days=8)
    )
    assert supersession.replace_superseded() == 1
    before.refresh_from_db()
    assert before.state == "replaced"
    (stored,) = before.certificates.all()
    revoke.revoke_at_ca(certificate_id=stored.pk)
    stored.refresh_from_db()
    assert (stored.state, stored.revocation_decided_at) == ("valid", None)  # its CA is not connected


def test_an_online_recovery_key_gets_it_once_the_person_has_accepted(
    uma: Person, old: OldSystem, archive: RecoveryCertificate, staff: Office
) -> None:
    """In terms that name archiving; and the officers' key gets it, too."""
    online = recovery_certificates.make_online(name="Online", bits=3072, days=30)
    for number in ("P-rene", "P-rosa"):
        officer = Person.objects.get(personnel_number=number)
        recovery_certificates.confirm(actor=officer, certificate_id=online.pk, fingerprint=online.fingerprint)
    document = staff.encryption.terms
    document.versions.update(names_archiving="encryption")
    text = TermsText.objects.filter(version__document=document, language="en").latest("version__number")
    TermsAcceptance.objects.create(person=uma, text=text, sha256=text.sha256)
    old.gives("uma.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    imported(staff, old)
    kinds = ArchivedKey.objects.get().recipients.values_list("certificate__kind", flat=True)
    assert sorted(kinds) == ["officers", "online"]

    request = step1_recover.recover(
        actor=uma,
        key_ids=[ArchivedKey.objects.get().pk],
        purpose="I have forgotten the old password.",
        factor=recovery.factor_of(uma),
    )
    recovered = request.tokens.get()
    step6_passphrase.seal(token_id=recovered.pk)
    secret = cast.shown(SoftwareToken.objects.get(pk=recovered.pk))
    for container in recovered.containers.all():
        (key,) = foreign.read(bytes(container.content), secret).keys
        assert key.key.private_numbers() == rsa_key().private_numbers()  # type: ignore[union-attr]  # RSA


def test_an_erased_person_has_no_rows(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate, settings: Settings
) -> None:
    settings.ERASURE_DAYS = 0
    old.gives("uma.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    imported(staff, old)
    rita, rolf = cast.person("rita"), cast.person("rolf", sid="", roles=(Role.REGISTRATION_OFFICER,))
    leave_and_return.lock(actor=rita, person_id=uma.pk, reason=RevocationReason.CESSATION_OF_OPERATION)
    for stored in Certificate.objects.all():
        revoke.revoke_at_ca(certificate_id=stored.pk)
        revoke.done_by_hand(actor=staff.ada, certificate_id=stored.pk)
    asked = erasure.ask(actor=rita, person_id=uma.pk)
    erasure.confirm(actor=rolf, erasure_id=asked.pk)
    assert (TokenImportRow.objects.count(), ArchivedKey.objects.count()) == (0, 0)
    assert Certificate.objects.get().certificate is None


@pytest.mark.parametrize(
    "line",
    [
        "stored_rows.snapshot.digest",
        "stored_rows.matching.connection_of",
        "imported_keys.intake.sealed",
        "imported_keys.intake.store",
        "audit.append",
    ],
)
def test_stopped_at_any_line_nothing_of_a_person_is_half_there(
    staff: Office,
    uma: Person,
    old: OldSystem,
    archive: RecoveryCertificate,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
) -> None:
    old.gives("uma.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    row = token_imports.confirmed(staff, old.files)
    command = ("import_tokens", str(old.folder), "--passwords", str(old.password_file))

    def stop(*_args: object, **_more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"identity_manager.workflow.token_imports.execution.{line}", stop)
        with pytest.raises(KeyboardInterrupt):
            call_command(*command, "--confirmed", str(row.pk))
    counts = (TokenRequest, SoftwareToken, Certificate, ImportedCertificate, ArchivedKey)
    assert [model.objects.count() for model in counts] == [0, 0, 0, 0, 0]
    assert outcomes(row) == [("uma.p12", "new", "")]
    call_command(*command, "--confirmed", str(row.pk))
    assert [model.objects.count() for model in counts] == [1, 1, 1, 1, 1]


def test_it_is_replaced_by_one_of_its_type_and_revoked_by_hand(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate
) -> None:
    """Its CA is not connected; of its encryption key alone a copy is kept, and its certificate stays."""
    old.gives("uma.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com", usage=SIGNS))
    imported(staff, old)
    before = SoftwareToken.objects.get()
    done = step1_replace.replace(actor=uma, order=ReplacementOrder(cause=ReplacementCause.LOST))
    assert done.request is not None
    assert [(line.predecessor_id, line.type_code) for line in done.request.tokens.all()] == [
        (before.pk, "old-signature")
    ]
    assert done.request.state == "awaiting_acceptance"  # nobody has accepted terms here
    (stored,) = before.certificates.all()
    revoke.revoke_at_ca(certificate_id=stored.pk)
    stored.refresh_from_db()
    assert stored.by_hand_since is not None


def test_nothing_is_imported_for_a_key_that_was_revoked_as_compromised(
    staff: Office, uma: Person, old: OldSystem
) -> None:
    key = rsa_key()
    BlockedKey.objects.create(pk=public_key_sha256(key).hex(), blocked_by=staff.ada, note="stolen")
    old.gives("uma.p12", key, certificate(key, email="uma@example.com", usage=SIGNS))
    row = token_imports.looked_through(staff.types, old.files)
    assert outcomes(row) == [("uma.p12", "refused", "import-key-is-blocked")]


def test_persons_are_told_only_where_both_officers_confirmed_it(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate
) -> None:
    sam = cast.person("sam")
    for number, person in enumerate((uma, uma, sam)):
        key = rsa_key(number)
        old.gives(f"{number}.p12", key, certificate(key, email=person.email))
    row = token_imports.confirmed(staff, old.files, tells_persons=True)
    assert not OutgoingMail.objects.exists()
    call_command("import_tokens", str(old.folder), passwords=old.password_file, confirmed=row.pk)
    told = OutgoingMail.objects.filter(message="tokens_imported")
    assert sorted(told.values_list("person__personnel_number", flat=True)) == ["P-sam", "P-uma"]
    assert "OLD-ENCRYPTION" in told.get(person=uma).body_text
    assert SoftwareToken.objects.filter(person=uma, state="active").count() == 1


def test_nobody_is_told_where_that_was_changed_after_two_officers_confirmed(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate
) -> None:
    old.gives("0.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    row = token_imports.confirmed(staff, old.files)
    TokenImport.objects.update(tells_persons=True)
    with pytest.raises(Stale):
        execution.carry_out(row.pk, keys_of=execution.no_keys)
    assert not OutgoingMail.objects.exists()


def test_in_one_portion_a_key_is_archived_for_one_person_alone(
    staff: Office, uma: Person, old: OldSystem, archive: RecoveryCertificate
) -> None:
    """Two persons' certificates of one key, of which the database holds one owner."""
    cast.person("sam")
    old.gives("0.p12", rsa_key(), certificate(rsa_key(), email="uma@example.com"))
    old.gives("1.p12", rsa_key(), certificate(rsa_key(), email="sam@example.com"))
    row = imported(staff, old)
    assert outcomes(row) == [("0.p12", "done", ""), ("1.p12", "refused", "import-key-of-other")]
    assert ArchivedKey.objects.get().owner == uma
