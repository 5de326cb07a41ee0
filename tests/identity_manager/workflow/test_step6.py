"""Step 6: sealing, showing, noting, destroying."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import NoReturn
from unittest.mock import Mock

import pytest
import time_machine
from cryptography.hazmat.primitives.serialization import pkcs12 as reader
from django.utils import timezone

from ca_bridge.pkcs12 import writer as pkcs12
from identity_manager import queue, task_names
from identity_manager.models import (
    AuditEvent,
    Certificate,
    Container,
    OutgoingMail,
    Person,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.vault import wrapping as vault
from identity_manager.workflow import step6_passphrase
from identity_manager.workflow.issuance import containers
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.requests import lapse
from identity_manager.workflow.revocation import revoke
from tests.tools import cast, one_step
from tests.tools.cast import Company

SHOW = partial(step6_passphrase.show, signed_in_at=timezone.now())
pytestmark = pytest.mark.django_db
PASSPHRASE = re.compile(r"[2-9A-HJ-NP-Z]{5}(-[2-9A-HJ-NP-Z]{5}){4}")


def sealed(company: Company) -> SoftwareToken:
    return company.request_in("issued").tokens.get()


def test_a_sealed_token_has_both_containers_and_no_key_left(company: Company) -> None:
    token = sealed(company)

    assert sorted(row.format for row in token.containers.all()) == ["compatible", "standard"]
    assert not Certificate.objects.exclude(private_key_wrapped=None).exists()
    assert AuditEvent.objects.filter(name="certificate.key-erased").count() == 1
    assert token.request.state == "issued"


def test_a_fault_that_nobody_foresaw_stands_on_the_token_and_is_tried_again(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = company.request_in("issuing")
    for certificate in Certificate.objects.all():
        one_step.issue(certificate.pk)
    token = request.tokens.get()
    with monkeypatch.context() as broken:
        broken.setattr(containers, "open_key", raises(vault.VaultError("There is no such key.")))
        with pytest.raises(vault.VaultError):
            step6_passphrase.seal(token_id=token.pk)
    token.refresh_from_db()
    assert (token.state, token.last_error, token.leased_until) == ("issuing", "VaultError", None)

    with time_machine.travel(token.next_attempt_at):
        step6_passphrase.seal(token_id=token.pk)
    token.refresh_from_db()
    assert (token.state, token.last_error) == ("sealed", "")


def raises(error: Exception) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    return fail


def test_the_passphrase_opens_every_container(company: Company) -> None:
    token = sealed(company)
    secret = cast.shown(token)

    assert PASSPHRASE.fullmatch(secret)
    for container in Container.objects.all():
        key, certificate, chain = reader.load_key_and_certificates(container.content, secret.encode())
        assert key.public_key() == certificate.public_key()
        assert len(chain) == 1, "the issuing CA goes along"


@pytest.mark.usefixtures("containers_as_delivered")
def test_iterations_are_as_configured(company: Company, settings: object) -> None:
    token = sealed(company)

    by_format = {row.format: pkcs12.iterations(row.content) for row in token.containers.all()}
    assert by_format == {"standard": (10_000, 10_000), "compatible": (2_048, 2_048)}


def test_two_certificates_are_two_files_under_one_passphrase(company: Company) -> None:
    pair = cast.token_type("pair", profiles=("signing", "encryption"))
    token = cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, pair))).tokens.get()
    secret = cast.shown(token)

    files = token.containers.filter(format="standard")
    names = {reader.load_pkcs12(row.content, secret.encode()).cert.friendly_name for row in files}
    assert len(files) == len(names) == 2


def test_each_showing_is_counted_and_the_first_is_told_by_mail(company: Company) -> None:
    token = sealed(company)

    first, second = (cast.shown(token) for _ in range(2))

    assert first == second
    assert SoftwareToken.objects.get().passphrase_shown == 2
    assert AuditEvent.objects.filter(name="passphrase.shown").count() == 2
    mail = OutgoingMail.objects.get(message="passphrase_shown")
    assert first not in mail.body_text + mail.body_html + mail.subject


@pytest.mark.parametrize("name", ["ada", "paul", "rita", "sam"])
def test_nobody_else_sees_or_notes_it(company: Company, name: str) -> None:
    token = sealed(company)

    for verb in (SHOW, step6_passphrase.acknowledge):
        with pytest.raises(NotAllowed) as refusal:
            verb(actor=getattr(company, name), token_id=token.pk)
        assert refusal.value.reason == eligibility.NOT_YOURS
    assert SoftwareToken.objects.get().passphrase_shown == 0


def test_it_cannot_be_noted_unseen(company: Company) -> None:
    with pytest.raises(NotPossible) as refusal:
        step6_passphrase.acknowledge(actor=company.uma, token_id=sealed(company).pk)

    assert refusal.value.reason == step6_passphrase.NOT_SHOWN


def test_noted_is_destroyed(company: Company) -> None:
    token = sealed(company)
    cast.noted(token)

    assert SoftwareToken.objects.get().passphrase_wrapped is None
    for verb in (SHOW, step6_passphrase.acknowledge):
        with pytest.raises(Stale):
            verb(actor=company.uma, token_id=token.pk)


def test_what_this_process_cannot_open_is_said_to_the_person_and_told_to_operators(
    company: Company, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token = sealed(company)
    monkeypatch.setattr(vault, "unwrap", Mock(side_effect=vault.VaultError("This process holds no key.")))

    with pytest.raises(NotPossible) as refusal:
        cast.shown(token)

    assert refusal.value.reason == step6_passphrase.UNREADABLE
    assert f"{token.pk} cannot be opened: This process holds no key." in caplog.text
    assert SoftwareToken.objects.get().passphrase_shown == 0


def test_an_inactive_person_is_shown_nothing(company: Company) -> None:
    token = sealed(company)
    uma = Person.objects.get(pk=company.uma.pk)
    uma.deactivate()
    uma.save()

    with pytest.raises(NotAllowed):
        cast.shown(token, actor=uma)


def test_active_needs_both_delivery_and_the_persons_word(company: Company) -> None:
    token = sealed(company)
    cast.noted(token)
    assert SoftwareToken.objects.get().state == "sealed"

    request = cast.delivered(token.request)
    assert SoftwareToken.objects.get().state == "active"
    assert request.state == "completed"


def test_the_other_way_round(company: Company) -> None:
    request = cast.delivered(company.request_in("issued"))
    assert SoftwareToken.objects.get().state == "sealed"

    cast.noted(request.tokens.get())
    assert SoftwareToken.objects.get().state == "active"


def test_it_is_not_shown_when_its_time_is_over(company: Company) -> None:
    """The job that destroys it may come by a little later; who noted it in time can still say so."""
    token = sealed(company)
    cast.shown(token)
    token = SoftwareToken.objects.get()
    assert token.passphrase_destroy_at is not None

    with time_machine.travel(token.passphrase_destroy_at, tick=False):
        with pytest.raises(NotPossible) as refusal:
            cast.shown(token)
        assert refusal.value.reason == step6_passphrase.TIME_OVER
        assert SoftwareToken.objects.get().passphrase_shown == 1
        assert AuditEvent.objects.filter(name="passphrase.shown").count() == 1
        step6_passphrase.acknowledge(actor=company.uma, token_id=token.pk)
        assert lapse.lapse_overdue() == 0
    assert SoftwareToken.objects.get().acknowledged_at is not None


@pytest.mark.parametrize("how", [{"hold_wanted": True}, {"revocation_decided_at": timezone.now()}])
def test_a_certificate_that_is_held_or_ended_while_the_file_is_made_is_not_sealed(
    company: Company, monkeypatch: pytest.MonkeyPatch, how: dict[str, object]
) -> None:
    request = company.request_in("issuing")
    token, act = request.tokens.get(), step6_passphrase._act
    one_step.issue(token.certificates.get().pk)

    def meanwhile(token_id: uuid.UUID) -> object:
        made = act(token_id)
        token.certificates.update(**how)
        return made

    monkeypatch.setattr(step6_passphrase, "_act", meanwhile)
    step6_passphrase.seal(token_id=token.pk)
    token.refresh_from_db()
    assert (token.state, token.claim_id, token.passphrase_wrapped) == ("issuing", None, None)
    assert not Container.objects.exists()
    assert token.certificates.get().private_key_wrapped is not None


def test_a_passphrase_that_nobody_notes_lapses(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    token = sealed(company)
    cast.shown(token)
    sent: list[str] = []
    monkeypatch.setattr(queue, "after_commit", lambda task, _pk: sent.append(task))

    with time_machine.travel(timezone.now() + timedelta(days=13)):
        lapse.lapse_overdue()
    assert SoftwareToken.objects.get().state == "sealed"

    with time_machine.travel(timezone.now() + timedelta(days=15)):
        lapse.lapse_overdue()
        certificate = Certificate.objects.get()
        revoke.revoke_at_ca(certificate_id=certificate.pk)

    token = SoftwareToken.objects.get()
    assert (token.state, token.passphrase_wrapped, token.is_open) == ("lapsed", None, False)
    assert Certificate.objects.get().state == "revoked"
    assert TokenRequest.objects.get().state == "completed"
    assert OutgoingMail.objects.filter(message="token_lapsed").count() == 1
    assert task_names.SEND_MAIL not in sent, "many may lapse at a time: the sweep sends their mails"
