"""Error pages: what happened, what it means, what to do next; in plain words, without a database.

The root URLconf names the handlers: handler400, handler403, handler404, handler500.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.csrf import requires_csrf_token

from identity_manager.audit import denials
from identity_manager.ui.http import htmx_fragments


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  Django's signature
    """400: malformed request, which no page of ours sends."""
    return render(request, "400.html", status=400)


@requires_csrf_token
def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: signed in without permission. Shows a named reason of the exception; officers are audited."""
    denials.record(actor=getattr(request, "person", None), path=request.path)
    response = render(request, "403.html", {"reason": _sentence(exception)}, status=403)
    return htmx_fragments.as_page(request, response)


@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  Django's signature
    """404: unknown page, or a row of somebody else; the two look alike."""
    return htmx_fragments.as_page(request, render(request, "404.html", status=404))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  Django's signature
    """403: form from before the last sign-in, or from another site (CSRF_FAILURE_VIEW)."""
    return htmx_fragments.as_page(request, render(request, "403_csrf.html", status=403))


@requires_csrf_token
def only_by_a_button(request: HttpRequest, allowed: str) -> HttpResponse:
    """405: a POST address opened as a page, for example after a sign-in in between."""
    response = render(request, "405.html", status=405)
    response["Allow"] = allowed
    return response


@requires_csrf_token
def gone(request: HttpRequest, sentence: str = "") -> HttpResponse:
    """410: it existed, and was removed permanently. sentence: the reason."""
    return render(request, "410.html", {"reason": sentence}, status=410)


@requires_csrf_token
def too_many_requests(request: HttpRequest, wait_seconds: int = 60) -> HttpResponse:
    """429: too often in a short time."""
    response = render(request, "429.html", {"wait_seconds": wait_seconds}, status=429)
    response["Retry-After"] = str(wait_seconds)
    return response


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  Django's signature
    """500. Rendered without context processors, which may have failed."""
    return HttpResponse(render_to_string("500.html"), status=500)


def unavailable(request: HttpRequest, wait_seconds: int, *, keys_away: bool = False) -> HttpResponse:
    """503. Rendered without context processors, as there may be no database; or there are no keys."""
    again = request.get_full_path() if request.method == "GET" else "/"
    response = HttpResponse(
        render_to_string("503.html", {"again": again, "keys_away": keys_away}), status=503
    )
    response["Retry-After"] = str(wait_seconds)
    response["Cache-Control"] = "no-store"
    return response


def _sentence(exception: Exception) -> str:
    """The exception's first argument, if it is a sentence."""
    return str(exception.args[0]) if exception.args else ""
