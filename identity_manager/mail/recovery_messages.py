"""Mails about the recovery of archived keys. They say what is done with whose keys, and hold no reason."""

from django.utils.translation import gettext_lazy as _

from identity_manager.mail.composing import About, compose, selfservice_url
from identity_manager.mail.registry import mail
from identity_manager.models import OutgoingMail, Recovery


@mail(
    _("Archived keys are recovered"),
    to=_("the owner of the keys"),
    when=_("when somebody, or they themselves, asked for a recovery of their keys"),
)
def recovery_asked(recovery: Recovery) -> OutgoingMail:
    """To the owner of the keys: a security notice."""
    about = About("recovery_asked", f"recovery-asked:{recovery.pk}", recovery.owner, recovery.request)
    beneficiary = recovery.request.person.display_name if recovery.is_for_another else ""
    return compose(about, url=selfservice_url("selfservice:requests"), beneficiary=beneficiary)
