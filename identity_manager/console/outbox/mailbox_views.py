"""The mailbox of the embedded mode: what was mailed, to whom. Loopback only; elsewhere there is none."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from identity_manager.console.outbox import mailbox
from identity_manager.mail import inline_logo
from identity_manager.mail.mailbox import StoredMessage, stored_message

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponse]
LOOPBACK = ("127.0.0.1", "::1", "")
# Exception from the Content Security Policy: inline styles of the mail, in a sandbox that permits only to
# open links in a new tab.
SANDBOX = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; "
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)


def embedded_only(view: View[Arguments]) -> View[Arguments]:
    """Open without a sign-in, because it is this machine's own mailbox; 404 anywhere else."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> HttpResponse:
        if not settings.EMBEDDED or request.META.get("REMOTE_ADDR", "") not in LOOPBACK:
            raise Http404
        return view(request, *args, **kwargs)

    return login_not_required(never_cache(require_safe(guarded)))


@embedded_only
def listing(request: HttpRequest) -> HttpResponse:
    """List sent mails, in the embedded mode only, without sign-in."""
    return render(request, "identity_manager/outbox/mailbox.html", mailbox.list_context(request))


@embedded_only
def message(request: HttpRequest, name: str) -> HttpResponse:
    """One sent mail, in the embedded mode only."""
    return render(
        request, "identity_manager/outbox/mailbox_message.html", mailbox.message_context(_stored(name))
    )


@embedded_only
@xframe_options_sameorigin
def html(request: HttpRequest, name: str) -> HttpResponse:  # noqa: ARG001  Django's signature
    """HTML body of a sent mail, sandboxed, for the page's frame; in the embedded mode only."""
    return HttpResponse(
        inline_logo.shown(_stored(name).body("html")), headers={"Content-Security-Policy": SANDBOX}
    )


@embedded_only
def attachment(request: HttpRequest, name: str, position: int) -> HttpResponse:  # noqa: ARG001  Django's signature
    """Download an attachment of a sent mail, in the embedded mode only."""
    attachments = _stored(name).attachments()
    if position >= len(attachments):
        raise Http404
    file_name, media_type, content = attachments[position]
    return HttpResponse(content, content_type=media_type, headers=mailbox.download_headers(file_name))


def _stored(name: str) -> StoredMessage:
    found = stored_message(name)
    if found is None:
        raise Http404
    return found
