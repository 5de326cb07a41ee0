"""Every address needs a sign-in, but for those that are named here."""

import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import Client

from identity_manager.config import secret_files
from tests.architecture.url_table import addresses
from tests.check_deploy import environment as production

# Who asks for these cannot have signed in: supervisors, verifying programs, and who is about to sign in.
PUBLIC = {
    "account/break-glass/",
    "account/certificate/",
    "account/certificate/finish/",
    "account/first-sign-in/",
    "account/login/",
    "account/login/passkey/",
    "account/login/passkey/options/",
    "account/login/second-step/",
    "account/logout/",
    "account/signed-out/",
    "account/sso/<slug:provider_id>/",
    "account/sso/<slug:provider_id>/back-channel-logout/",
    "account/sso/<slug:provider_id>/callback/",
    "account/sso/<slug:provider_id>/saml/acs/",
    "account/sso/<slug:provider_id>/saml/finish/",
    "account/sso/<slug:provider_id>/saml/metadata/",
    "api/v1/^(?P<path>(?s:.*))\\Z",  # a token or a certificate of a client opens it
    "health/live",
    "health/ready",
    "i18n/setlang/",
    "looks/<str:colour>-<str:digest>.css",
    "looks/<str:sha256>.png",
    "looks/sample/<str:colour>-<str:digest>.css",
    "metrics",
    "pki/<str:file_name>",
    "pki/ocsp",
    "pki/ocsp/<path:encoded>",
    "scim/^(?P<source>[a-z0-9-]+)/v2(?P<path>(?:/.*)?)$",  # a bearer token opens it
    "sso/certificate/",
}
# The demo shows these to whoever sits at the machine; production does not have them.
DEMO_ONLY = ("mailbox/", "ui/")
SAMPLES = {"uuid": str(uuid.UUID(int=7)), "int": "7", "str": "a", "slug": "a", "path": "a"}
PARAMETER = re.compile(r"<(?:(\w+):)?\w+>")


def example(route: str) -> str:
    """The route with a value in each place."""
    return "/" + PARAMETER.sub(lambda match: SAMPLES[match.group(1) or "str"], route)


def is_sign_in(response: HttpResponse) -> bool:
    return response.status_code == 302 and response["Location"].startswith("/account/login/")


def test_what_is_open_is_named() -> None:
    opened = {
        route
        for _name, route, pattern in addresses()
        if not getattr(pattern.callback, "login_required", True)
    }
    assert {route for route in opened if not route.startswith(DEMO_ONLY)} == PUBLIC


@pytest.mark.long
def test_production_has_nothing_of_the_demo(tmp_path: Path) -> None:
    secret_files.make(tmp_path)
    program = (
        "import django; django.setup()\n"
        "from tests.architecture.url_table import addresses\n"
        "print(*(route for _name, route, _pattern in addresses()), sep='\\n')"
    )
    command = [sys.executable, "-c", program]
    variables = {**production(tmp_path), "DJANGO_SETTINGS_MODULE": "identity_manager.config.settings"}
    outcome = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    routes = outcome.stdout.splitlines()
    assert "health/live" in routes
    assert [route for route in routes if route.startswith(DEMO_ONLY)] == []


@pytest.mark.long
@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_is_sent_to_the_sign_in_page_from_everywhere_else(method: str) -> None:
    client = Client()
    every = (route for _name, route, _pattern in addresses())
    routes = [route for route in every if route not in PUBLIC and not route.startswith(DEMO_ONLY)]
    open_to_strangers = [
        route for route in routes if not is_sign_in(getattr(client, method)(example(route), follow=False))
    ]
    assert open_to_strangers == []
    assert len(routes) > 20
