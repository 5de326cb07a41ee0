"""htmx requests: tell fragment requests from page views, and redirect whole pages where necessary."""

from urllib.parse import urlsplit, urlunsplit

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import Resolver404, resolve
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect

# Pages to which a request may be redirected first (sign-in and the like).
GATES = frozenset({"account_login", "account_reauthenticate", "second-factor-needed", "sign-in-way"})
CONTENT = "#content"


def is_asked_for(request: HttpRequest) -> bool:
    """Whether htmx requests a fragment of a page."""
    return request.headers.get("HX-Request") == "true"


def reads_a_page(request: HttpRequest) -> bool:
    """Whether the browser opens the address as a page."""
    return request.method == "GET" and "text/html" in request.headers.get("Accept", "")


def as_page(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Make the response replace the whole page content, whatever fragment was requested."""
    if is_asked_for(request):
        response["HX-Retarget"] = response["HX-Reselect"] = CONTENT
        response["HX-Reswap"] = "outerHTML"
    return response


def led_to_the_gate(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Make a redirect to sign-in return to the visible page, not to the fragment's or button's address.

    For fragment requests the browser itself must navigate (HX-Redirect): htmx would otherwise put the
    sign-in page into the fragment.
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
    """Address of the requesting page within this site; empty where unknown."""
    try:
        page = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
    except ValueError:  # malformed address
        return ""
    here = urlunsplit(("", "", page.path, page.query, ""))
    safe = page.netloc == request.get_host() and url_has_allowed_host_and_scheme(here, allowed_hosts=None)
    return here if safe and not _is_gate(page.path) else ""
