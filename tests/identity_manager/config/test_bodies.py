"""What is published is fetched without a body: one is refused before anybody reads it."""

import io
from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory

pytestmark = pytest.mark.django_db
PATHS = ("/pki/corporate.crl", "/pki/none", "/pki/ocsp/MA==", "/pki/")


class Unread(io.RawIOBase):
    """A body of which nothing may be read."""

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: Any) -> int:
        raise AssertionError("somebody reads the body")


def status(path: str, method: str, **more: Any) -> int:
    environment = RequestFactory().generic(method, path).environ
    environment |= {"wsgi.input": Unread(), "CONTENT_TYPE": "multipart/form-data; boundary=x", **more}
    handler = BaseHandler()
    handler.load_middleware()
    return handler.get_response(WSGIRequest(environment)).status_code


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_a_body_for_what_is_published_is_refused_unread(path: str, method: str) -> None:
    assert status(path, method, CONTENT_LENGTH="1") == 413
    assert status(path, method, CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked") == 413


@pytest.mark.parametrize("length", ["4097", "10000000", "-1", "²", "x"])
def test_a_request_by_ocsp_that_is_too_large_or_of_no_size_is_refused_unread(length: str) -> None:
    assert status("/pki/ocsp", "POST", CONTENT_LENGTH=length) == 413


def test_a_request_by_ocsp_without_a_body_is_answered() -> None:
    """RFC 9112 6.3: without a length, and not in chunks, a request has none."""
    assert status("/pki/ocsp", "POST", CONTENT_LENGTH="") == 200


def test_a_request_by_ocsp_of_a_usual_size_is_read() -> None:
    """One that says nothing is answered by OCSP: malformed."""
    body = {"wsgi.input": io.BytesIO(bytes(4096)), "CONTENT_TYPE": "application/ocsp-request"}
    assert status("/pki/ocsp", "POST", CONTENT_LENGTH="4096", **body) == 200


def test_what_is_published_is_served_as_before() -> None:
    assert status("/pki/none.crl", "GET", CONTENT_LENGTH="") == 404
    assert status("/pki/none.crl", "GET", CONTENT_LENGTH="0") == 404
