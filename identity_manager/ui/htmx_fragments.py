"""Where somebody is who asked from within a page: by a script (htmx) for a part of it, or by a button."""

from urllib.parse import urlsplit, urlunsplit

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import Resolver404, resolve
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect

# The pages that somebody is led to before anything else opens.
GATES = frozenset({"account_login", "account_reauthenticate", "second-factor-needed", "sign-in-way"})
CONTENT = "#content"


def is_asked_for(request: HttpRequest) -> bool:
    """Whether a script of the page asks, and not the browser for a page."""
    return request.headers.get("HX-Request") == "true"


def reads_a_page(request: HttpRequest) -> bool:
    """Whether somebody has opened the address in a browser."""
    return request.method == "GET" and "text/html" in request.headers.get("Accept", "")


def as_page(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Have the response take the place of the page's content, whichever part of it was asked for."""
    if is_asked_for(request):
        response["HX-Retarget"] = response["HX-Reselect"] = CONTENT
        response["HX-Reswap"] = "outerHTML"
    return response


def led_to_the_gate(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Have whoever is led to sign in come back to the page they were on, not to the address of a button.

    Where a part of a page was asked for, the browser itself goes there: the sign-in would else stand in the
    middle of the page, or nowhere.
    """
    in_place = is_asked_for(request)
    address = urlsplit(response.get("Location", ""))
    if not (in_place or request.method == "POST") or address.netloc or not _is_gate(address.path):
        return response
    query = QueryDict(address.query, mutable=True)
    page = _page_of(request)
    if page and REDIRECT_FIELD_NAME in query:
        query[REDIRECT_FIELD_NAME] = page
        response["Location"] = urlunsplit(address._replace(query=query.urlencode(safe="/")))
    if not in_place:
        return response
    by_browser = HttpResponseClientRedirect(response["Location"])
    by_browser.cookies = response.cookies
    return by_browser


def _is_gate(path: str) -> bool:
    try:
        return resolve(path).url_name in GATES
    except Resolver404:
        return False


def _page_of(request: HttpRequest) -> str:
    """The address of the page that asks, within this site; empty where it is not known."""
    try:
        page = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
    except ValueError:  # an address that is none
        return ""
    here = urlunsplit(("", "", page.path, page.query, ""))
    safe = page.netloc == request.get_host() and url_has_allowed_host_and_scheme(here, allowed_hosts=None)
    return here if safe and not _is_gate(page.path) else ""
