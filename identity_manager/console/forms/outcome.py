"""The message after an act: whom it was about, and what was done."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils.functional import Promise

from identity_manager.models import Person, SoftwareToken
from identity_manager.ui.punctuation import labelled


def tell(request: HttpRequest, about: Person | SoftwareToken, words: str | Promise) -> None:
    """Show on the next page, with the name: "Uma Lindqvist, VPN: The token is revoked."."""
    name = f"{about.person}, {about}" if isinstance(about, SoftwareToken) else str(about)
    messages.success(request, labelled(name, words))
