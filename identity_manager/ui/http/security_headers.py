"""Security headers: Permissions-Policy, cross-origin isolation, Cache-Control.

Django's own middlewares and django-csp set the others; docs/reference/security-headers.md has all.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

# Browser features that our pages use: passkeys of this site, and the clipboard on a click.
_ALLOWED = ("clipboard-write", "publickey-credentials-create", "publickey-credentials-get")
_FORBIDDEN = (
    "accelerometer",
    "autoplay",
    "camera",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "screen-wake-lock",
    "serial",
    "usb",
    "xr-spatial-tracking",
)
PERMISSIONS = ", ".join(
    sorted([*(f"{name}=(self)" for name in _ALLOWED), *(f"{name}=()" for name in _FORBIDDEN)])
)
HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS,
}


def let_forms_lead_to(response: HttpResponseBase, origins: list[str]) -> None:
    """Add origins to form-action of this page; Chromium applies it to redirects after a form, too."""
    update: dict[str, list[str]] = getattr(response, "_csp_update", {})
    together = dict.fromkeys([*update.get("form-action", []), *origins])
    response._csp_update = {**update, "form-action": list(together)}  # type: ignore[attr-defined]  # django-csp reads it


class SecurityHeadersMiddleware:
    """Adds the headers to every response, and Cache-Control: no-store unless the view sets another."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.setdefault(name, value)
        # no-store also disables the back/forward cache, which would show a page after sign-out.
        response.setdefault("Cache-Control", "no-store")
        return response
