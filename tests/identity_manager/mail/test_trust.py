"""Mail goes out as every outgoing call does: to whom TRUSTED_CA_FILE says, a provider's API by the proxy."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.core.mail import EmailMessage
from pytest_django import Settings

from ca_bridge.connection import faults
from ca_bridge.contract import ConnectionFault
from identity_manager import mail_connection
from identity_manager.config.settings import EMAIL_BACKEND as OF_EMBEDDED
from identity_manager.mail.faults import fault_of
from identity_manager.models import MailFault
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.outgoing_servers import ELSEWHERE, error_of, forwarding_proxy, web_server
from tests.identity_manager.mail.servers import Answers
from tests.tools.running import free_port

POSTMARK = "anymail.backends.postmark.EmailBackend"


def mail() -> EmailMessage:
    return EmailMessage("Subject", "Text", "from@example.org", ["to@example.org"], connection=backend())


def backend() -> Any:
    return mail_connection.connection()


@pytest.mark.parametrize("way", ["starttls", "tls"])
def test_the_mail_server_s_certificate_is_checked(settings: Settings, tmp_path: Path, way: str) -> None:
    ca, handler = TestCa("Private CA", tmp_path), Answers()
    tls = {"ssl_context": ca.tls()} if way == "tls" else {"tls_context": ca.tls(), "require_starttls": True}
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), **tls)
    settings.EMAIL_BACKEND = "identity_manager.mail.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = way == "starttls", way == "tls"
    controller.start()
    try:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            mail().send()
        assert "127.0.0.1" in fault_of(caught.value).detail
        settings.TRUSTED_CA_FILE = ca.path
        mail().send()
    finally:
        controller.stop()
    assert len(handler.taken) == 1


def test_a_provider_is_reached_through_the_proxy_and_must_be_trusted(
    settings: Settings, tmp_path: Path
) -> None:
    ca = TestCa("Private CA", tmp_path)
    answer = (
        b'{"ErrorCode": 0, "Message": "OK", "MessageID": "7", "To": "to@example.org", "SubmittedAt": "x"}'
    )
    settings.EMAIL_BACKEND = POSTMARK
    with web_server({"/email": answer}, ca.tls(ELSEWHERE)) as port, forwarding_proxy() as proxy:
        url = f"https://{ELSEWHERE}:{port}/"
        settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "a secret token", "POSTMARK_API_URL": url}
        settings.HTTPS_PROXY_URL = proxy.url
        error = error_of(lambda: mail().send())
        assert faults.of_error(error) == ConnectionFault.TLS_TRUST
        found = fault_of(error)
        assert (found.kind, f"{ELSEWHERE}:{port}: Its TLS certificate" in found.detail) == (
            MailFault.CONFIGURATION,
            True,
        ), found.detail
        settings.TRUSTED_CA_FILE = ca.path
        assert mail().send() == 1
        assert proxy.asked[-1] == f"{ELSEWHERE}:{port}"


def test_the_embedded_mode_keeps_its_mails() -> None:
    assert OF_EMBEDDED == "identity_manager.mail.mailbox.MailboxBackend"
