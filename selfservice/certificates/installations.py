"""The part of a token's page about where it is installed."""

from typing import Any

from identity_manager.mail import install
from identity_manager.models import DeviceKind, Installation, InstallationNotice, SoftwareToken
from identity_manager.workflow.delivery import installation
from selfservice.certificates.forms import InstalledForm

OLDER = "-old"  # of devices in install.DEVICES


def of_token(
    token: SoftwareToken, device: install.Device | None, refused: InstalledForm | None
) -> dict[str, Any]:
    """Confirmations so far, the form with the shown device preselected, and the deadline."""
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
