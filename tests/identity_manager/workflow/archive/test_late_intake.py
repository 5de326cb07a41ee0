"""Late intake: keys of tokens from before their type archived, until the passphrase is noted."""

import pytest

from ca_bridge.pkcs12.reader import ContainerError
from identity_manager import audit, queue
from identity_manager.jobs import schedule
from identity_manager.models import (
    ArchivedKey,
    AuditEvent,
    NamedArchiving,
    RecoveryCertificate,
    SoftwareToken,
    TermsAcceptance,
    TermsNotice,
    TermsVersion,
    TokenType,
)
from identity_manager.workflow.archive import late_intake
from identity_manager.workflow.terms import accept_again, ask_again
from tests.identity_manager.workflow.archive.test_intake import opened
from tests.identity_manager.workflow.terms.conftest import next_version
from tests.tools import cast, recovery
from tests.tools.cast import Company
from tests.tools.recovery import Officers

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture
def staff(db: None) -> Officers:
    return recovery.officers()


@pytest.fixture
def token(company: Company, staff: Officers) -> SoftwareToken:
    """Sealed and not noted, of a type that does not archive; its next version, which does, is in force."""
    recovery.in_force(staff)
    cast.profile("client")
    before = recovery.archiving_type(archive_key=False, profiles=("encrypting", "client"))
    cast.terms().versions.update(names_archiving=NamedArchiving.NONE)
    token = cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, before))).tokens.get()
    TokenType.objects.filter(pk=before.pk).update(state="retired")
    recovery.archiving_type(number=2)
    TermsVersion.objects.update(names_archiving=NamedArchiving.NONE)
    assert not ArchivedKey.objects.exists()
    return token


def run() -> int:
    job = schedule.named("archive.late_intake")
    assert job is not None
    return int(job.run())


def accept(company: Company, named: NamedArchiving) -> TermsVersion:
    """uma accepts a new version that says this of archiving."""
    version = next_version()
    TermsVersion.objects.filter(pk=version.pk).update(names_archiving=named)
    ask_again.check(version, company.uma.pk)
    notice = TermsNotice.objects.get()
    accept_again.accept(actor=company.uma, notice_id=notice.pk, text_id=version.text_in("en").pk)
    return version


def test_the_key_is_archived_once_terms_that_say_so_are_accepted(
    token: SoftwareToken, company: Company
) -> None:
    assert run() == 0
    accept(company, NamedArchiving.ENCRYPTION)
    assert run() == 1
    row = ArchivedKey.objects.get()
    assert (row.owner, row.certificate) == (
        company.uma,
        token.certificates.get(profile__purpose="encryption"),
    )
    assert opened(row).private_numbers()  # type: ignore[union-attr]  # of a kind that has them
    assert row.public_key_sha256 == token.certificates.get(profile__purpose="encryption").public_key_sha256
    assert AuditEvent.objects.filter(name=audit.Event.KEY_ARCHIVED, token=token).count() == 1
    assert run() == 0
    assert not late_intake.archive_token(token.pk)


def test_what_is_archived_of_others_changes_nothing(token: SoftwareToken, company: Company) -> None:
    others = recovery.archived_key(company, owner=company.sam)
    accept(company, NamedArchiving.ENCRYPTION)
    assert run() == 1
    assert ArchivedKey.objects.exclude(pk=others.pk).get().owner == company.uma


def test_the_acceptance_sends_the_message_for_the_persons_own_tokens(
    token: SoftwareToken, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = TokenType.objects.active().get(code=token.type_code)
    TermsVersion.objects.update(names_archiving=NamedArchiving.ENCRYPTION)
    others = cast.issued(cast.accepted(cast.enabled(company.ada, company.sam, now))).tokens.get()
    assert others.state == "sealed"
    sent: list[tuple[str, object]] = []
    monkeypatch.setattr(queue, "after_commit", lambda task, pk: sent.append((task, pk)))
    accept(company, NamedArchiving.ENCRYPTION)
    assert [message for message in sent if message[0] == accept_again.ARCHIVE] == [
        (accept_again.ARCHIVE, token.pk)
    ]


def test_terms_that_do_not_say_so_archive_nothing(token: SoftwareToken, company: Company) -> None:
    accept(company, NamedArchiving.NONE)
    assert run() == 0
    assert not ArchivedKey.objects.exists()


def test_what_was_accepted_last_counts(token: SoftwareToken, company: Company) -> None:
    accept(company, NamedArchiving.ENCRYPTION)
    accept(company, NamedArchiving.NONE)
    assert run() == 0
    assert not ArchivedKey.objects.exists()


def test_what_others_have_accepted_archives_nobody_elses_key(token: SoftwareToken, company: Company) -> None:
    def accepted_by_sam() -> None:
        version = accept(company, NamedArchiving.ENCRYPTION)
        TermsAcceptance.objects.filter(text__version=version).update(person=company.sam)

    accepted_by_sam()
    assert not late_intake.candidates().exists()
    accept(company, NamedArchiving.ENCRYPTION)
    accept(company, NamedArchiving.NONE)
    accepted_by_sam()
    assert late_intake.candidates().exists(), "she accepted it once, and something else last"
    assert not late_intake.archive_token(token.pk)
    assert not ArchivedKey.objects.exists()


def test_once_the_passphrase_is_noted_there_is_nothing_left_to_archive(
    token: SoftwareToken, company: Company
) -> None:
    cast.noted(token)
    accept(company, NamedArchiving.ENCRYPTION)
    assert run() == 0
    assert not ArchivedKey.objects.exists()


def test_a_type_that_does_not_archive_takes_nothing(token: SoftwareToken, company: Company) -> None:
    TokenType.objects.filter(state="active").update(archive_key=False)
    accept(company, NamedArchiving.ENCRYPTION)
    assert run() == 0


def test_a_file_that_was_moved_to_the_certificate_of_another_key_archives_nothing(
    token: SoftwareToken, company: Company
) -> None:
    """Who writes to the database makes no archive of a key that only signs."""
    accept(company, NamedArchiving.ENCRYPTION)
    encrypts, signs = token.certificates.all()
    assert (encrypts.profile.purpose, signs.profile.purpose) == ("encryption", "authentication")
    token.containers.filter(certificate=encrypts).delete()
    token.containers.filter(certificate=signs).update(certificate=encrypts)
    with pytest.raises(ContainerError):
        late_intake.archive_token(token.pk)
    assert not ArchivedKey.objects.exists()


def test_without_a_recovery_certificate_it_waits(
    token: SoftwareToken, company: Company, staff: Officers
) -> None:
    accept(company, NamedArchiving.ENCRYPTION)
    RecoveryCertificate.objects.update(state="retired")
    assert run() == 0
    RecoveryCertificate.objects.update(state="in_force")
    assert run() == 1
