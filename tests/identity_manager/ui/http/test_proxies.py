"""What a proxy says of a client counts only where a proxy of ours says it."""

import logging

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from identity_manager.ui.http.proxies import ProxyHeadersMiddleware

FORWARDED = {
    "HTTP_X_FORWARDED_FOR": "203.0.113.7",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "tokens.acme.net",
}


@pytest.fixture(autouse=True)
def behind_a_proxy(settings: Settings) -> None:
    settings.PROXY_ADDRESSES = ["10.1.0.0/16", "::1"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.USE_X_FORWARDED_HOST = True
    settings.ALLOWED_HOSTS = ["tokens.acme.net", "inside"]


def passed_on(sender: str) -> HttpRequest:
    seen: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    request = RequestFactory().get("/", REMOTE_ADDR=sender, HTTP_HOST="inside", **FORWARDED)
    ProxyHeadersMiddleware(view)(request)
    return seen[0]


@pytest.mark.parametrize("sender", ["10.1.2.3", "::1", ""])
def test_a_proxy_of_ours_is_believed(sender: str) -> None:
    request = passed_on(sender)
    assert request.is_secure()
    assert request.get_host() == "tokens.acme.net"
    assert request.META["HTTP_X_FORWARDED_FOR"] == "203.0.113.7"


@pytest.mark.parametrize("sender", ["10.2.0.1", "203.0.113.9", "::2", "no address"])
def test_nobody_else_is(sender: str) -> None:
    request = passed_on(sender)
    assert not request.is_secure()
    assert request.get_host() == "inside"
    assert not [name for name in request.META if name.startswith("HTTP_X_FORWARDED")]


def test_the_log_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    middleware = ProxyHeadersMiddleware(lambda request: HttpResponse())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            middleware(RequestFactory().get("/", REMOTE_ADDR="203.0.113.9", **FORWARDED))
        middleware(RequestFactory().get("/", REMOTE_ADDR="203.0.113.9"))
    assert caplog.messages == [
        "Forwarded headers from 203.0.113.9 are ignored: it is not one of PROXY_ADDRESSES."
    ]
