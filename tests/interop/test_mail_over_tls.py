"""Mail over TLS, by STARTTLS and from the first byte: a wrong certificate holds mail back, and loses none."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from identity_manager.models import OutgoingMail, SoftwareToken
from identity_manager.workflow import step7_deliver
from tests.identity_manager.mail.servers import Answers
from tests.interop.smtp_sink import use_smtp
from tests.interop.tls_certificates import Authority, server_context
from tests.tools import cast
from tests.tools.running import free_port
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.long]
HOST = "localhost"
USER, PASSWORD = "im", "a secret of the mail server"
STARTTLS, IMPLICIT = "starttls", "tls"


class StartTlsController(Controller):
    """Takes nothing before STARTTLS, and no mail without a sign-in."""

    def __init__(self, handler: Answers, *, context: ssl.SSLContext, **options: Any) -> None:
        self._context = context
        super().__init__(handler, **options)

    def factory(self) -> SMTP:
        return SMTP(
            self.handler,
            tls_context=self._context,
            require_starttls=True,
            auth_required=True,
            authenticator=_authenticate,
        )


def _authenticate(
    _server: object, _session: object, _envelope: object, _mechanism: str, given: LoginPassword
) -> AuthResult:
    return AuthResult(success=(given.login, given.password) == (USER.encode(), PASSWORD.encode()))


@contextmanager
def server(kind: str, certificate: Path, port: int) -> Iterator[Answers]:
    """A mail server with that certificate; yields what it took."""
    handler, context = Answers(), server_context(certificate)
    if kind == STARTTLS:
        controller: Controller = StartTlsController(handler, context=context, hostname=HOST, port=port)
    else:
        controller = Controller(handler, hostname=HOST, port=port, ssl_context=context)
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()


class Post:
    """A delivery that is due, and how it goes to its server."""

    def __init__(self, settings: Settings, kind: str) -> None:
        self.kind, self.port = kind, free_port()
        self.company = cast.Company()
        self.company.request_in("issued")
        use_smtp(settings, self.port, host=HOST)
        settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = kind == STARTTLS, kind == IMPLICIT
        if kind == STARTTLS:
            settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = USER, PASSWORD

    def send(self, certificate: Path) -> list[bytes]:
        """One try; returns what the server took."""
        with server(self.kind, certificate, self.port) as taken:
            step7_deliver.send(mail_id=self.mail.pk)
        return taken.taken

    @property
    def mail(self) -> OutgoingMail:
        return OutgoingMail.objects.get(message="delivery")

    def outbox(self) -> str:
        return signed_in(self.company.ada).get(reverse("console:outbox")).content.decode()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The one CA that this machine trusts."""
    made = Authority.make()
    monkeypatch.setenv("SSL_CERT_FILE", str(made.bundle(tmp_path)))
    return made


@pytest.fixture(params=[STARTTLS, IMPLICIT])
def post(request: pytest.FixtureRequest, db: None, settings: Settings) -> Post:
    return Post(settings, request.param)


def wrong(kind: str, authority: Authority, directory: Path) -> Path:
    """A certificate of that fault."""
    if kind == "of another name":
        return authority.server(directory, "mail.elsewhere.example")
    if kind == "run out":
        return authority.server(directory, HOST, until=datetime.now(UTC) - timedelta(hours=1))
    return Authority.make("Somebody else").server(directory, HOST)


def test_a_right_certificate(post: Post, authority: Authority, tmp_path: Path) -> None:
    assert len(post.send(authority.server(tmp_path, HOST))) == 1
    assert (post.mail.state, SoftwareToken.objects.get().delivery) == ("sent", "sent")


@pytest.mark.parametrize("kind", ["of another name", "run out", "of an unknown CA"])
def test_a_wrong_certificate_delays(post: Post, authority: Authority, tmp_path: Path, kind: str) -> None:
    assert post.send(wrong(kind, authority, tmp_path)) == []

    mail = post.mail
    assert (mail.state, mail.fault, mail.error_code) == (
        "queued",
        "configuration",
        "SSLCertVerificationError",
    )
    assert SoftwareToken.objects.get().delivery == "queued"
    assert mail.next_attempt_at is not None
    assert mail.next_attempt_at > timezone.now()
    page = post.outbox()
    assert "Configuration: an operator has to mend it" in page
    assert "SSLCertVerificationError" in page
    assert "certificate verify failed" in page
    assert PASSWORD not in page + mail.last_error

    with time_machine.travel(mail.next_attempt_at):
        assert len(post.send(authority.server(tmp_path, HOST))) == 1
    assert (post.mail.state, SoftwareToken.objects.get().delivery) == ("sent", "sent")


def test_without_tls_no_password_is_sent(settings: Settings, authority: Authority) -> None:
    """A server (or who sits before it) that no longer offers STARTTLS gets neither password nor mail."""
    post = Post(settings, STARTTLS)
    heard: list[bytes] = []
    controller = Controller(Answers(), hostname=HOST, port=post.port)
    controller.handler.handle_AUTH = lambda *given: heard.append(given)
    controller.start()
    try:
        step7_deliver.send(mail_id=post.mail.pk)
    finally:
        controller.stop()
    assert (post.mail.state, post.mail.fault) == ("queued", "configuration")
    assert heard == []
    assert controller.handler.taken == []
