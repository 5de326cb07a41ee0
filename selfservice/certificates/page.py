"""Template context of the page of one token."""

from typing import Any

from identity_manager.mail import install
from identity_manager.models import SoftwareToken
from selfservice.certificates import token_details, token_status
from selfservice.certificates.forms import SendAgainForm
from selfservice.requests import type_choices


def context(
    token: SoftwareToken,
    *,
    device: install.Device | None,
    form: SendAgainForm,
) -> dict[str, Any]:
    """With the form that was refused, if any. Without a device the first that the person named is shown."""
    device = device or next(iter(install.chosen(token.request.devices)), None)
    container_format = device.container_format.value if device else install.format_of(token)
    return {
        "tab": "certificates",
        "token": token,
        "state": token_status.of_token(token),
        "form": form,
        "certificates": token_details.certificate_cards(token),
        "left_out": token_details.left_out(token),
        "mail": token_details.last_mail(token, container_format),
        "files": token_details.files(token, container_format),
        "fips_files": token_details.fips_files(token, device),
        "devices": token_details.devices(token, device),
        "device": install.for_token(device, token) if device else None,
        **token_details.profile(token, device),
        **token_details.ways(token),
        **token_details.endings(token),
        "asked_again": type_choices.can_be_asked_again(token),
    }
