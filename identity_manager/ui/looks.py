"""Public URLs of the company's looks: a stylesheet per accent colour, and the logo; both cacheable by digest.

They are public, as the sign-in page uses them. The stylesheet is computed from the colour in its URL and
contains no input of users.
"""

import hashlib

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_safe

from identity_manager import colours
from identity_manager.colours import Accent
from identity_manager.models import Looks
from identity_manager.queries import looks

FOR_EVER = "public, max-age=31536000, immutable"
PAGE, SAMPLE = ":root", ".looks-sample"
BARS = ".portal-bar,.entrance-sheet{border-block-start:4px solid var(--accent)}"


def stylesheet(accent: Accent, *, selector: str) -> str:
    """The CSS custom properties that depend on the accent (tests/identity_manager/ui/test_contrast.py)."""
    light, dark = accent.light, accent.dark
    tokens = {
        "accent": (light.accent, dark.accent),
        "accent-fill": (light.accent, dark.accent),
        "accent-fill-hover": (light.hover, dark.hover),
        "accent-on-fill": (light.on_fill, dark.on_fill),
        "chosen": (light.chosen, dark.chosen),
    }
    lines = "".join(f"--{name}:light-dark({one},{other});" for name, (one, other) in tokens.items())
    bars = BARS if selector == PAGE else f"{SAMPLE}{{border-block-start:4px solid var(--accent)}}"
    return f"{selector}{{{lines}}}{bars}\n"


def stylesheet_url(row: Looks, *, sample: bool = False) -> str:
    """The URL of the stylesheet; empty for the product's accent. sample: for one part of a page only."""
    accent = row.colours
    if accent is None:
        return ""
    selector = SAMPLE if sample else PAGE
    name = "looks-sample" if sample else "looks-stylesheet"
    return reverse(name, args=[accent.wanted[1:], _digest(stylesheet(accent, selector=selector))])


def logo_url(row: Looks) -> str:
    """The URL of the logo; empty without one."""
    return reverse("looks-logo", args=[row.logo_sha256]) if row.logo_sha256 else ""


@login_not_required
@require_safe
def show_stylesheet(request: HttpRequest, colour: str, digest: str, selector: str) -> HttpResponse:  # noqa: ARG001  Django's signature
    wanted = f"#{colour}"
    if not colours.is_colour(wanted):
        raise Http404
    text = stylesheet(colours.accent(wanted), selector=selector)
    if digest != _digest(text):  # the URL is of another release, which may compute other colours
        raise Http404
    return HttpResponse(text, content_type="text/css; charset=utf-8", headers={"Cache-Control": FOR_EVER})


@login_not_required
@require_safe
def show_logo(request: HttpRequest, sha256: str) -> HttpResponse:  # noqa: ARG001  Django's signature
    content = looks.logo(sha256)
    if content is None:
        raise Http404
    return HttpResponse(content, content_type="image/png", headers={"Cache-Control": FOR_EVER})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


addresses = [
    path("<str:colour>-<str:digest>.css", show_stylesheet, {"selector": PAGE}, name="looks-stylesheet"),
    path("sample/<str:colour>-<str:digest>.css", show_stylesheet, {"selector": SAMPLE}, name="looks-sample"),
    path("<str:sha256>.png", show_logo, name="looks-logo"),
]
