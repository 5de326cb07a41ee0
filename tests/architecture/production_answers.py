"""What a production answers, as JSON on standard output: a program of its own for test_security_headers.py.

The settings are read once in a process, so those of a production need one.
"""

import json
import sys

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client


def by_https() -> Client:
    """Through the proxy in front."""
    return Client(headers={"Host": settings.ALLOWED_HOSTS[0], "X-Forwarded-Proto": "https"})


def new_session(request: HttpRequest) -> HttpResponse:
    request.session["begun"] = True
    return HttpResponse()


def complete_sign_in(request: HttpRequest) -> HttpResponse:
    from identity_manager.account import known_devices
    from identity_manager.models import Account  # after the setup

    known_devices.remember(request, Account(password="!"))
    return HttpResponse()


def cookies() -> dict[str, str]:
    """Each cookie that the product sets, with its attributes, but for how long it stays."""
    from django.contrib.sessions.middleware import SessionMiddleware  # after the setup
    from django.contrib.sessions.models import Session

    from identity_manager.account.known_devices import KnownDeviceMiddleware

    with connection.schema_editor() as editor:
        editor.create_model(Session)
    browser = by_https()
    browser.get("/account/login/")
    browser.post("/i18n/setlang/", {"language": "de"})
    browser.cookies.update(SessionMiddleware(new_session)(HttpRequest()).cookies)
    browser.cookies.update(KnownDeviceMiddleware(complete_sign_in)(HttpRequest()).cookies)
    return {name: _attributes(str(morsel.OutputString())) for name, morsel in browser.cookies.items()}


def _attributes(written: str) -> str:
    _pair, *attributes = written.split("; ")
    return ", ".join(each for each in attributes if not each.startswith(("expires", "Max-Age")))


def main() -> None:
    django.setup()
    call_command("collectstatic", verbosity=0, interactive=False)
    plain = Client(headers={"Host": settings.ALLOWED_HOSTS[0]}).get("/account/login/")
    answers = {
        "page": dict(by_https().get("/account/login/").headers),
        "by http": [plain.status_code, plain["Location"]],
        "cookies": cookies(),
    }
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
