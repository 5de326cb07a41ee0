"""Mails about the recovery of archived keys. They do not contain the reason."""

from django.utils.translation import gettext_lazy as _

from identity_manager.mail.composing import About, compose, console_url, selfservice_url
from identity_manager.mail.registry import mail
from identity_manager.models import OutgoingMail, Person, Recovery


@mail(
    _("Archived keys are recovered"),
    to=_("the owner of the keys"),
    when=_("when their keys are recovered: by themselves, or once two Recovery Officers have agreed"),
)
def recovery_asked(recovery: Recovery) -> OutgoingMail:
    """To the owner of the keys: a recovery was requested. A security notice, which cannot be discarded."""
    about = About("recovery_asked", f"recovery-asked:{recovery.pk}", recovery.owner, recovery.request)
    beneficiary = recovery.request.person.display_name if recovery.is_for_another else ""
    return compose(about, url=selfservice_url("selfservice:requests"), beneficiary=beneficiary)


@mail(
    _("The owner of archived keys is asked"),
    to=_("the owner of the keys"),
    when=_("when a recovery for somebody else was asked for, and who asked wants to know whether they agree"),
)
def recovery_consent(recovery: Recovery) -> OutgoingMail:
    """To the owner of the keys: do you consent? The answer is given in Open Tasks."""
    about = About("recovery_consent", f"recovery-consent:{recovery.pk}", recovery.owner, recovery.request)
    url = selfservice_url("selfservice:recovery-consent", recovery.pk)
    return compose(about, url=url, beneficiary=recovery.request.person.display_name)


RECOVERY_OFFICER = _("a Recovery Officer")


@mail(
    _("A recovery waits for Recovery Officers"),
    to=RECOVERY_OFFICER,
    when=_("when a recovery of archived keys was asked for, on which they may decide"),
)
def recovery_to_decide(recovery: Recovery, officer: Person) -> OutgoingMail:
    """To a Recovery Officer: a recovery waits for a decision. Only the page names the owner."""
    occasion = f"recovery-to-decide:{recovery.pk}:{officer.pk}"
    about = About("recovery_to_decide", occasion, officer, recovery.request)
    return compose(about, url=console_url("console:recovery", recovery.pk))


@mail(
    _("A recovery waits for shares"),
    to=RECOVERY_OFFICER,
    when=_("when two Recovery Officers have agreed to a recovery, to who holds a share of its key"),
)
def shares_needed(recovery: Recovery, officer: Person) -> OutgoingMail:
    """To a share holder: your share is needed, within half an hour of the first one."""
    occasion = f"shares-needed:{recovery.pk}:{officer.pk}:{recovery.opened_with_id}"
    about = About("shares_needed", occasion, officer, recovery.request)
    return compose(about, url=console_url("console:recovery", recovery.pk))
