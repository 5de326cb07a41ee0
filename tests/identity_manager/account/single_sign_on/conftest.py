"""A real provider (Canaille) on loopback, and browsers that go there and back."""

import dataclasses
import datetime as dt
import re
import uuid
from importlib import import_module
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.core.cache import cache
from pytest_django import Settings

from identity_manager.config.sso import ROLES
from identity_manager.people.sign_in import sso_provider
from identity_manager.people.sign_in.sso_provider import SsoProvider
from tests.identity_manager.account.sign_in import factors

HERE = "http://testserver"
CALLBACK = f"{HERE}/account/sso/corp/callback/"
START = "/account/sso/corp/"
SECRET = "a secret between the two of us"
PASSWORD = "at the provider 7!"
SERVER = "iam_server"  # pytest-iam's fixture


class Provider:
    """The provider's side: its users and groups, and what a person does on its pages."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.url = server.url.rstrip("/")
        # It leads back from signing out, even without a token of its own, to domains that it trusts.
        server.app.config["CANAILLE_OIDC"]["TRUSTED_DOMAINS"] = ["testserver", "localhost", "127.0.0.1"]
        with server.app.app_context():
            client = server.models.Client(
                client_id="identity-manager",
                client_secret=SECRET,
                client_name="Identity Manager",
                contacts=[],
                redirect_uris=[CALLBACK],
                post_logout_redirect_uris=[f"{HERE}/account/signed-out/"],
                client_id_issued_at=dt.datetime.now(dt.UTC),
                grant_types=["authorization_code"],
                response_types=["code"],
                scope=["openid", "profile", "email", "groups"],
                token_endpoint_auth_method="client_secret_post",
                id_token_signed_response_alg="RS256",
            )
            server.backend.save(client)
            client.audience = [client]
            server.backend.save(client)

    def leads_to(self, home: str) -> None:
        """Its answers may also go there: a server of our own, at a port of the moment."""
        with self.server.app.app_context():
            client = self.server.backend.get(self.server.models.Client, client_id="identity-manager")
            client.redirect_uris = [CALLBACK, f"{home}/account/sso/corp/callback/"]
            client.post_logout_redirect_uris = [f"{each}/account/signed-out/" for each in (HERE, home)]
            self.server.backend.save(client)

    def user(self, name: str, *groups: str) -> Any:
        """Somebody who can sign in there, with an address and in these groups."""
        with self.server.app.app_context():
            user = self.server.models.User(
                formatted_name=name,
                family_name="Person",
                user_name=f"{name}-{uuid.uuid4().hex[:6]}",
                emails=[f"{name}@example.com"],
                password=PASSWORD,
            )
            self.server.backend.save(user)
            for group in groups:
                self.server.backend.save(self.server.models.Group(display_name=group, members=[user]))
            return user

    def leave(self, user: Any, group: str) -> None:
        """The user is not in the group any more."""
        with self.server.app.app_context():
            for row in self.server.backend.query(self.server.models.Group, display_name=group):
                row.members = [member for member in row.members if member.id != user.id]
                self.server.backend.save(row)

    def settings(self, **more: Any) -> SsoProvider:
        given = {
            "name": "Example login",
            "server_url": self.url,
            "client_id": "identity-manager",
            "scopes": ["openid", "profile", "email", "groups"],
            "claim": "sub",
            "field": "upn",
            "groups_claim": "groups",
        }
        return sso_provider.parse("corp", given | more, secret=SECRET, roles=ROLES)


class Traveller(factors.Browser):
    """A browser of one person: here through Django's test client, at the provider through real requests."""

    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self.there = requests.Session()
        self._provider = provider

    def start(self, **posted: str) -> str:
        """Press the button; returns where it leads."""
        response = self.here.post(START, posted)
        assert response.status_code == 302, response.content.decode()
        return str(response["Location"])

    def at_the_provider(self, address: str, user: Any) -> str:
        """Follow the provider's pages, signing in where it asks; returns the way back."""
        response = self.there.get(address, allow_redirects=False)
        for _page in range(12):
            if response.is_redirect:
                target = urljoin(response.url, response.headers["Location"])
                if target.startswith(HERE):
                    return target
                response = self.there.get(target, allow_redirects=False)
            else:
                response = self._fill_in(response, user)
        raise AssertionError(response.text)

    def _fill_in(self, response: requests.Response, user: Any) -> requests.Response:
        names = set(re.findall(r'name="([a-z_]+)"', response.text))
        typed = {"login": user.user_name, "password": PASSWORD, "answer": "accept"}
        data = {name: value for name, value in typed.items() if name in names}
        assert data, response.text
        return self.there.post(response.url, data=data, allow_redirects=False)

    def arrive(self, address: str) -> Any:
        return self.here.get(address.removeprefix(HERE))

    def sign_in(self, user: Any, **posted: str) -> Any:
        """There and back; the answer of the page that the provider leads to."""
        return self.arrive(self.at_the_provider(self.start(**posted), user))

    @property
    def records(self) -> list[dict[str, Any]]:
        return list(self.here.session[AUTHENTICATION_METHODS_SESSION_KEY])


@pytest.fixture(scope="session")
def the_provider(request: pytest.FixtureRequest) -> Provider:
    """pytest-iam is loaded here: at its start each process of the tests would take half a second for it."""
    plugins = request.config.pluginmanager
    if not plugins.has_plugin(SERVER):
        plugins.register(import_module("pytest_iam"), SERVER)
    return Provider(request.getfixturevalue(SERVER))


@pytest.fixture
def provider(the_provider: Provider, settings: Settings) -> Provider:
    settings.SSO_PROVIDERS = {"corp": the_provider.settings()}
    cache.clear()
    # Canaille's store in memory confuses a code that nobody has exchanged with the next one.
    with the_provider.server.app.app_context():
        for row in the_provider.server.backend.query(the_provider.server.models.AuthorizationCode):
            the_provider.server.backend.delete(row)
    return the_provider


@pytest.fixture
def traveller(provider: Provider) -> Traveller:
    return Traveller(provider)


def configured(settings: Settings, **more: Any) -> None:
    """Change what the settings say of the provider."""
    known = settings.SSO_PROVIDERS["corp"]
    settings.SSO_PROVIDERS = {"corp": dataclasses.replace(known, **more)}
