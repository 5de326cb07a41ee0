"""The page of one token: certificates, files with their steps, arrival and installation."""

from typing import Any

from identity_manager.mail import install
from identity_manager.models import (
    DeliveryProblem,
    DeviceKind,
    Installation,
    InstallationNotice,
    SoftwareToken,
)
from identity_manager.workflow.delivery import arrival, installation
from selfservice.certificates import token_details, token_status
from selfservice.certificates.forms import InstalledForm, NotArrivedForm, SendAgainForm
from selfservice.requests import type_choices

OLDER = "-old"  # of devices in install.DEVICES


def context(
    token: SoftwareToken,
    *,
    device: install.Device | None,
    form: SendAgainForm | None,
    installed_form: InstalledForm | None,
    arrival_form: NotArrivedForm | None,
) -> dict[str, Any]:
    """With the form that was refused, if any. Without a device the first that the person named is shown."""
    installed = _installed(token, device, installed_form)
    device = device or next(iter(install.chosen(token.request.devices)), None)
    container_format = device.container_format.value if device else install.format_of(token)
    return {
        "tab": "certificates",
        "token": token,
        "state": token_status.of_token(token),
        "form": form or SendAgainForm(),
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
        **_arrived(token, arrival_form),
        **installed,
    }


def _arrived(token: SoftwareToken, refused: NotArrivedForm | None) -> dict[str, Any]:
    """The last report that the file did not arrive, open or with its outcome, and the form."""
    problem = DeliveryProblem.objects.filter(token=token).order_by("opened_at").last()
    if problem is not None:
        problem.token = token
    return {
        "problem": problem if problem and (problem.is_open or problem.ended_at) else None,
        "mailed": arrival.saying_obstacle(token) is None,
        "arrival_form": refused or NotArrivedForm(),
    }


def _installed(
    token: SoftwareToken, device: install.Device | None, refused: InstalledForm | None
) -> dict[str, Any]:
    """Confirmations so far, the form with the chosen device preselected, and the deadline."""
    waits = InstallationNotice.objects.filter(token=token, ended_at=None)
    notice = waits.first() if token.awaits_installation else None
    return {
        "installable": installation.obstacle(token) is None,
        "installations": list(Installation.objects.standing_of(token)) if token.installed_at else [],
        "installed_form": refused or InstalledForm(initial={"device": _kind(device)}),
        "revoke_at": notice.revoke_at if notice else None,
    }


def _kind(device: install.Device | None) -> str:
    kind = device.code.removesuffix(OLDER) if device else ""
    return kind if kind in DeviceKind.values else ""
