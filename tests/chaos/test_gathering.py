"""What is gathered of a real road is right, and what is planted into it is found."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from django.core import mail as django_mail
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.connectors.embedded.models import IssuedCertificate
from identity_manager.audit import heads, sealing
from identity_manager.models import (
    ArchivedKey,
    AuditEvent,
    Certificate,
    Container,
    OutgoingMail,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.models.identifiers import new_reference
from identity_manager.workflow import step1_recover, step7_deliver
from tests.chaos import gathering, sinks
from tests.chaos.facts import RECOVER
from tests.chaos.place import Place
from tests.chaos.verdict import Verdict, judge
from tests.tools import cast, recovery

pytestmark = [pytest.mark.django_db, pytest.mark.nightly, pytest.mark.xdist_group("gathering")]
LOCAL_MAIL = "django.core.mail.backends.locmem.EmailBackend"


@dataclass(frozen=True)
class Walked:
    """A request that went the whole road, and where its run lives."""

    request: TokenRequest
    passphrase: str
    place: Place

    def verdict(self) -> Verdict:
        passphrases = {str(self.request.tokens.get().pk): self.passphrase}
        facts = gathering.gather([self.request.person], self.place.received, passphrases)
        facts.audit = gathering.audit_faults(self.place.heads)
        facts.leaks = sinks.leaks(self.place, passphrases.values(), seed=1)
        return judge(facts)


@pytest.fixture
def walked(tmp_path: Path, settings: Settings) -> Walked:
    settings.EMAIL_BACKEND = LOCAL_MAIL
    place = made(tmp_path)
    company = cast.Company()
    request = company.request_in("issuing")
    (passphrase,) = finished(request, place).values()
    return Walked(TokenRequest.objects.get(pk=request.pk), passphrase, place)


def made(directory: Path) -> Place:
    place = Place(directory / "chaos", (1,), 2)
    place.make()
    return place


def finished(request: TokenRequest, place: Place) -> dict[str, str]:
    """Take the request from its issuance to its end; the passphrase by token."""
    token = cast.delivered(cast.issued(request)).tokens.get()
    passphrase = cast.shown(token)
    cast.noted(token)
    for pk in OutgoingMail.objects.queued().values_list("pk", flat=True):
        step7_deliver.send(mail_id=pk)
    for number, message in enumerate(django_mail.outbox):
        (place.received / f"{number}.eml").write_bytes(message.message().as_bytes())
    return {str(token.pk): passphrase}


def test_the_whole_road_is_found_right(walked: Walked) -> None:
    verdict = walked.verdict()

    assert verdict.holds, verdict
    assert verdict.line == "lost 0, double 0, parked 0, finished 1"


def test_a_recovery_is_found_right_and_what_it_lacks_is_found(tmp_path: Path, settings: Settings) -> None:
    settings.EMAIL_BACKEND = LOCAL_MAIL
    place, company = made(tmp_path), cast.Company()
    recovery.online_in_force(recovery.officers())
    first = cast.accepted(cast.enabled(company.ada, company.uma, recovery.archiving_type()))
    passphrases = finished(first, place)
    second = step1_recover.recover(
        actor=company.uma,
        key_ids=ArchivedKey.objects.values_list("pk", flat=True),
        purpose="A new device",
        factor=recovery.factor_of(company.uma),
    )
    passphrases |= finished(second, place)

    def verdict() -> Verdict:
        wishes = {str(company.uma.pk): RECOVER}
        return judge(gathering.gather([company.uma], place.received, passphrases, wishes=wishes))

    assert verdict().holds, verdict()
    Container.objects.filter(token__request=second, format="compatible").delete()
    assert any("with 1 containers" in each for each in verdict().lost)


def _a_lost_mail(walked: Walked) -> None:
    (walked.place.received / "0.eml").unlink()


def _a_lost_container(walked: Walked) -> None:
    Container.objects.filter(format="compatible").delete()


def _a_certificate_that_its_ca_does_not_know(walked: Walked) -> None:
    IssuedCertificate.objects.all().delete()


@pytest.mark.parametrize("plant", [_a_lost_mail, _a_lost_container, _a_certificate_that_its_ca_does_not_know])
def test_what_is_lost_is_found(walked: Walked, plant: Callable[[Walked], None]) -> None:
    plant(walked)

    assert walked.verdict().lost


def test_a_time_without_a_token_is_found(walked: Walked) -> None:
    """A renewal ends the old token once the new one is noted, not before."""
    old = walked.request.tokens.get()
    now = timezone.now()
    Certificate.objects.filter(token=old).update(revocation_decided_at=now)
    request = TokenRequest.objects.get(pk=walked.request.pk)
    request.pk, request.reference = uuid.uuid4(), new_reference()
    request.save(force_insert=True)
    new = SoftwareToken.objects.get(pk=old.pk)
    new.pk, new.request, new.kind, new.predecessor = uuid.uuid4(), request, "renewal", old
    new.acknowledged_at = now + timedelta(seconds=1)
    new.save(force_insert=True)
    assert list(gathering._gaps()) == [f"token {old.pk} was ended before its successor was noted"]

    SoftwareToken.objects.filter(pk=new.pk).update(acknowledged_at=now - timedelta(seconds=1))
    assert list(gathering._gaps()) == []


def test_a_certificate_that_nobody_uses_is_found(walked: Walked) -> None:
    first = walked.request
    second = cast.enabled(first.requested_by, first.person, cast.token_type("desk"))
    cast.issued(cast.accepted(second)).tokens.get().certificates.update(serial="")

    assert any("used by nobody" in finding for finding in walked.verdict().double)


def test_a_file_under_another_passphrase_is_found(walked: Walked) -> None:
    other = Walked(walked.request, "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE", walked.place)

    assert "does not open" in other.verdict().wrong[0]


@pytest.mark.parametrize("sink", ["logs/web-1.log", "broker/appendonlydir/appendonly.aof.1.incr.aof"])
def test_a_passphrase_in_a_sink_is_found(walked: Walked, sink: str) -> None:
    path = walked.place.directory / sink
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"the passphrase is {walked.passphrase.lower()}\n", encoding="utf-8")

    (finding, *_more) = walked.verdict().wrong
    assert sink in finding
    assert walked.passphrase not in finding


def test_a_passphrase_in_the_database_is_found(walked: Walked) -> None:
    OutgoingMail.objects.filter(message="information").update(last_error=f"see {walked.passphrase}")

    assert any("last_error" in finding for finding in walked.verdict().wrong)


def test_a_broken_chain_is_found(walked: Walked) -> None:
    sealing.seal()
    AuditEvent.objects.filter(name="request.accepted").update(name="request.declined")

    assert "audit verify" in walked.verdict().wrong[0]


def test_a_log_that_was_cut_off_is_found_by_its_heads(walked: Walked) -> None:
    sealing.seal()
    heads.sign()
    walked.place.heads.write_text("\n".join(heads.lines_of(heads.AuditHead.objects.all())), encoding="utf-8")
    last = AuditEvent.objects.sealed().last()
    assert last is not None
    heads.AuditHead.objects.all().delete()
    AuditEvent.objects.filter(pk=last.pk).delete()

    assert "audit verify" in walked.verdict().wrong[0]
