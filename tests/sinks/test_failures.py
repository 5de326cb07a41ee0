"""Whatever fails, wherever: what is written of it holds no passphrase and no key."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from django.db.models import QuerySet
from pytest_django import Settings

from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.contract import CertificateOrder, Refused
from ca_bridge.errors import CaError
from ca_bridge.keys.keys import PrivateKey
from ca_bridge.pkcs12 import writer as pkcs12
from ca_bridge.x509 import lint
from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.mailbox import MailboxBackend
from identity_manager.models import Certificate, Container, SoftwareToken, TokenRequest
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_encryption import RingKey
from selfservice.passphrases import views as passphrases
from tests.journeys.office import PASSWORD, Office, account_of, mails_to
from tests.sinks.loud import FAULT, everything, loud, quiet
from tests.sinks.recording import FAULTS, RecordingClient
from tests.sinks.search import Search, Secret
from tests.sinks.watched import Watched
from tests.tools import cast

pytestmark = pytest.mark.django_db(transaction=True)
Patch = pytest.MonkeyPatch
Fault = Callable[[Patch], None]


def passing(told: str) -> CaError:
    return CaError("The CA is away.", told)


def permanent(told: str) -> CaError:
    return CaError("The CA says no.", told, permanent=True)


# --- what fails while a token is issued


def connector_breaks(patch: Patch) -> None:
    patch.setattr(EmbeddedConnector, "issue", loud())


def ca_is_away(patch: Patch) -> None:
    patch.setattr(EmbeddedConnector, "issue", loud(passing))


def ca_says_no(patch: Patch) -> None:
    def refuse(_self: EmbeddedConnector, order: CertificateOrder) -> Refused:
        return Refused("No.", f"{FAULT}: {everything(order)}")

    patch.setattr(EmbeddedConnector, "issue", refuse)


def draft_breaks(patch: Patch) -> None:
    patch.setattr(EmbeddedConnector, "draft", loud())


def linter_says_no(patch: Patch) -> None:
    patch.setattr(lint, "check_draft", loud(permanent))


def vault_breaks(patch: Patch) -> None:
    patch.setattr(RingKey, "wrap", quiet(MemoryError))


def key_row_breaks(patch: Patch) -> None:
    _saving_fails(patch, Certificate, "private_key_wrapped")


def answer_is_not_verified(patch: Patch) -> None:
    patch.setattr(
        "ca_bridge.orders.results.verification.faults",
        lambda *given, **drafted: (f"{FAULT}: {everything((*given, drafted))}",),
    )


# --- what fails while a token is sealed


def key_was_changed(patch: Patch) -> None:
    """One bit of what was wrapped is another now."""
    unwrap = vault.unwrap

    def unwrap_changed(wrapped: bytes, **of: Any) -> bytes:
        return unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]), **of)

    patch.setattr(vault, "unwrap", unwrap_changed)


def writer_breaks(patch: Patch) -> None:
    patch.setattr("ca_bridge.pkcs12.writer.pkcs12.serialize_key_and_certificates", quiet(ValueError))


def container_is_cut_off(patch: Patch) -> None:
    build = pkcs12.build
    patch.setattr(pkcs12, "build", lambda **of: build(**of)[:-20])


def container_is_of_another_passphrase(patch: Patch) -> None:
    check = pkcs12.check
    patch.setattr(pkcs12, "check", lambda data, **of: check(data, **{**of, "passphrase": "A" * 29}))


def container_does_not_fit(patch: Patch) -> None:
    check = pkcs12.check
    patch.setattr(pkcs12, "check", lambda data, **of: check(data, **{**of, "key_sha256": b"x" * 32}))


def container_row_breaks(patch: Patch) -> None:
    _saving_fails(patch, Container, "content")


def token_row_breaks(patch: Patch) -> None:
    _saving_fails(patch, SoftwareToken, "passphrase_wrapped")


def audit_breaks_at_sealing(patch: Patch) -> None:
    _audit_fails(patch, audit.Event.TOKEN_SEALED)


def delivery_is_not_queued(patch: Patch) -> None:
    patch.setattr(outbox, "enqueue_new", loud())


def mail_server_is_away(patch: Patch) -> None:
    patch.setattr(MailboxBackend, "send_messages", _telling_messages(ConnectionRefusedError))


def mail_backend_breaks(patch: Patch) -> None:
    patch.setattr(MailboxBackend, "send_messages", _telling_messages(RuntimeError))


def _telling_messages(kind: Callable[[str], Exception]) -> Callable[..., None]:
    def fail(_self: Any, messages: list[Any]) -> None:
        raise kind(f"{FAULT}: {[each.message().as_string() for each in messages]}")

    return fail


def _saving_fails(patch: Patch, model: type[Any], column: str) -> None:
    """As PostgreSQL does: the words of the error hold the whole row."""
    save, insert = model.save, QuerySet.bulk_create

    def fail(self: Any, *arguments: Any, **options: Any) -> None:
        if getattr(self, column):
            raise DatabaseError(f"{FAULT}: failing row contains ({everything(self.__dict__)})")
        save(self, *arguments, **options)

    def fail_at_many(self: Any, rows: Any, **options: Any) -> Any:
        rows = list(rows)
        if rows and isinstance(rows[0], model):
            raise DatabaseError(f"{FAULT}: failing row contains ({everything(rows[0].__dict__)})")
        return insert(self, rows, **options)

    patch.setattr(model, "save", fail)
    patch.setattr(QuerySet, "bulk_create", fail_at_many)


def _audit_fails(patch: Patch, event: audit.Event) -> None:
    append = audit.append

    def fail(events: list[Any]) -> None:
        if any(each.name == event for each in events):
            raise DatabaseError(f"{FAULT}: {[everything(each.__dict__) for each in events]}")
        append(events)

    patch.setattr(audit, "append", fail)


WHILE_ISSUED = (
    connector_breaks,
    ca_is_away,
    ca_says_no,
    draft_breaks,
    linter_says_no,
    vault_breaks,
    key_row_breaks,
    answer_is_not_verified,
    writer_breaks,
    container_is_cut_off,
    container_is_of_another_passphrase,
    container_does_not_fit,
    container_row_breaks,
    token_row_breaks,
    audit_breaks_at_sealing,
    delivery_is_not_queued,
    mail_server_is_away,
    mail_backend_breaks,
)


# --- what fails while a passphrase is shown


def audit_breaks(patch: Patch) -> None:
    _audit_fails(patch, audit.Event.PASSPHRASE_SHOWN)


def warning_is_not_queued(patch: Patch) -> None:
    patch.setattr(outbox, "enqueue", loud())


def page_breaks(patch: Patch) -> None:
    patch.setattr(passphrases, "render", quiet(RuntimeError))


def part_of_the_page_breaks(patch: Patch) -> None:
    patch.setattr("selfservice.passphrases.views.NotedForm", quiet(RuntimeError))


WHILE_SHOWN = (
    audit_breaks,
    warning_is_not_queued,
    page_breaks,
    part_of_the_page_breaks,
)


def issuing(watched: Watched) -> TokenRequest:
    """A request whose terms are accepted; nothing is issued yet."""
    request = cast.Company().request_in("issuing")
    assert watched.caught.keys == []
    return request


def told(watched: Watched) -> dict[str, list[Any]]:
    """What is found in each sink, the answers too: no page that fails shows a secret."""
    search = watched.caught.search()
    sinks = {**watched.sinks(), "answers": watched.answers()}
    found = {name: search.all_findings(sink) for name, sink in sinks.items()}
    return {name: findings for name, findings in found.items() if findings}


def happened(watched: Watched) -> bool:
    """The fault was met: pages or tasks raised it, or it is in a column or the log, for operators."""
    search = Search([Secret("fault", words=(FAULT.replace(" ", "").encode(),))])
    own = any(isinstance(fault, vault.VaultError | pkcs12.ContainerError) for fault in FAULTS)
    sinks = watched.sinks()
    return own or any(search.all_findings(sinks[name]) for name in ("exceptions", "database", "logs"))


@pytest.mark.long
@pytest.mark.parametrize("fault", WHILE_ISSUED)
def test_while_a_token_is_issued(
    fault: Callable[[Patch], None], watched: Watched, monkeypatch: Patch
) -> None:
    issuing(watched)
    with monkeypatch.context() as patch:
        fault(patch)
        watched.work()

    assert watched.caught.keys
    assert happened(watched)
    assert told(watched) == {}


def test_without_the_keys_of_the_vault(watched: Watched, settings: Settings) -> None:
    issuing(watched)
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "private-keys": {}}
    watched.work()

    assert watched.caught.keys
    assert any(isinstance(fault, vault.VaultError) for fault in FAULTS)
    assert told(watched) == {}


@pytest.mark.long
@pytest.mark.parametrize("fault", WHILE_SHOWN)
def test_while_a_passphrase_is_shown(
    fault: Fault, watched: Watched, settings: Settings, monkeypatch: Patch
) -> None:
    """With Django's own report of the fault, which it would mail to whoever is named as administrator."""
    settings.ADMINS = [("Admin", "admin@example.com")]

    assert shown_with(fault, watched, monkeypatch) == 500
    assert "Internal Server Error" in "".join(mail.body("plain") for mail in mails_to("admin@example.com"))
    assert watched.caught.passphrases
    assert happened(watched)
    assert told(watched) == {}


@pytest.mark.long
def test_a_passphrase_that_was_changed_is_no_error_page(watched: Watched, monkeypatch: Patch) -> None:
    assert shown_with(key_was_changed, watched, monkeypatch) == 422

    assert watched.caught.passphrases
    assert told(watched) == {}


def shown_with(fault: Fault, watched: Watched, monkeypatch: Patch) -> int:
    """The status of the page that is to show a passphrase."""
    monkeypatch.setattr("tests.journeys.office.Client", RecordingClient)
    token = issuing(watched).tokens.get()
    watched.work()
    visitor = Office.visitor()
    visitor.sign_in(account_of(token.person), PASSWORD)
    visitor.open(f"/my/tokens/{token.pk}/passphrase/")
    with monkeypatch.context() as patch:
        fault(patch)
        return visitor.press("Show passphrase").status


def test_a_connector_that_held_the_key_would_be_heard(watched: Watched, monkeypatch: Patch) -> None:
    """The opposite: the same fault with the key in its hands is found."""
    issuing(watched)
    held: list[PrivateKey] = watched.caught.keys
    monkeypatch.setattr(EmbeddedConnector, "issue", lambda self, order: loud()(held, order))
    watched.work()

    assert "database" in told(watched)
