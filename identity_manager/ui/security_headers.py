"""Headers that keep other sites, devices of the machine and caches away from our pages.

Django's own middlewares and django-csp set the others; docs/reference/security-headers.md has all.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

# What a page of ours may ask the browser for: the passkeys of this site, and to copy on a click.
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
    """Let forms of this page end up there; Chromium holds form-action against redirects, too."""
    update: dict[str, list[str]] = getattr(response, "_csp_update", {})
    together = dict.fromkeys([*update.get("form-action", []), *origins])
    response._csp_update = {**update, "form-action": list(together)}  # type: ignore[attr-defined]  # django-csp reads it


class SecurityHeadersMiddleware:
    """Adds them to every answer, and lets no cache keep one whose view does not say that it may."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.setdefault(name, value)
        # Also what a browser shows again without asking: a page of who has signed out meanwhile.
        response.setdefault("Cache-Control", "no-store")
        return response
