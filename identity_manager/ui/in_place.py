"""Answers to htmx, which puts what it gets into a part of a page: some of them are pages of their own."""

from urllib.parse import urlsplit, urlunsplit

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import Resolver404, resolve
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect

# The pages that somebody is led to before anything else opens: middleware leads there, no view does.
GATES = frozenset({"account_login", "second-factor-needed", "sign-in-way"})
CONTENT = "#content"


def is_asked_for(request: HttpRequest) -> bool:
    """Whether a script of the page asks, and not the browser for a page."""
    return request.headers.get("HX-Request") == "true"


def as_page(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Have the response take the place of the page's content, whichever part of it was asked for."""
    if is_asked_for(request):
        response["HX-Retarget"] = response["HX-Reselect"] = CONTENT
        response["HX-Reswap"] = "outerHTML"
    return response


def led_to_the_gate(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Have the browser itself go where somebody is led to sign in, and back to their page afterwards.

    As a part of the page, the sign-in would stand in the middle of it, or nowhere.
    """
    address = urlsplit(response.get("Location", ""))
    if not is_asked_for(request) or not _is_gate(address.path):
        return response
    query = QueryDict(address.query, mutable=True)
    page = _page_of(request)
    if page and REDIRECT_FIELD_NAME in query:
        query[REDIRECT_FIELD_NAME] = page
    return HttpResponseClientRedirect(urlunsplit(address._replace(query=query.urlencode(safe="/"))))


def _is_gate(path: str) -> bool:
    try:
        return resolve(path).url_name in GATES
    except Resolver404:
        return False


def _page_of(request: HttpRequest) -> str:
    """The address of the page that the part belongs to, within this site; empty where it is not known."""
    page = urlsplit(request.headers.get("HX-Current-URL", ""))
    here = urlunsplit(("", "", page.path, page.query, ""))
    return here if url_has_allowed_host_and_scheme(here, allowed_hosts=None) else ""
