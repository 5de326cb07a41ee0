"""The provider must be trusted, and is reached through the proxy: what allauth asks for, too."""

import json
import logging
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from identity_manager.people.sign_in import sso_provider
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.outgoing_servers import ELSEWHERE, forwarding_proxy, web_server

pytestmark = [pytest.mark.django_db, pytest.mark.long]
DISCOVERY = "/.well-known/openid-configuration"


def test_the_sign_in_begins_through_the_proxy_with_our_trust(
    settings: Settings, tmp_path: Path, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    ca, pages = TestCa("Private CA", tmp_path), {}
    with web_server(pages, ca.tls(ELSEWHERE)) as port, forwarding_proxy() as proxy:
        url = f"https://{ELSEWHERE}:{port}"
        found = {"issuer": url, "authorization_endpoint": f"{url}/ask", "token_endpoint": f"{url}/token"}
        pages[DISCOVERY] = json.dumps(found).encode()
        given = {"name": "Login", "server_url": url, "client_id": "im", "claim": "sub", "field": "upn"}
        settings.SSO_PROVIDERS = {
            "corp": sso_provider.parse("corp", given, secret="hidden", roles=frozenset())
        }
        settings.HTTPS_PROXY_URL = proxy.url
        with caplog.at_level(logging.WARNING):
            assert client.post("/account/sso/corp/").status_code == 502
        assert f"{ELSEWHERE}:{port}: Its TLS certificate comes from nobody whom we trust" in caplog.text
        settings.TRUSTED_CA_FILE = ca.path
        answer = client.post("/account/sso/corp/")
        assert (answer.status_code, answer["Location"].startswith(f"{url}/ask?")) == (302, True)
        assert set(proxy.asked) == {f"{ELSEWHERE}:{port}"}
