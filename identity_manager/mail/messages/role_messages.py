"""Mails to User Administrators about the recertification of roles. They contain no person and no role."""

from django.utils.translation import gettext_lazy as _

from identity_manager.mail.composing import About, compose, console_url
from identity_manager.mail.registry import mail
from identity_manager.models import OutgoingMail, Person, Recertification

USER_ADMINISTRATOR = _("a User Administrator")


@mail(
    _("Roles wait to be confirmed"),
    to=USER_ADMINISTRATOR,
    when=_("when a recertification begins, halfway, and shortly before its end, while roles wait for them"),
)
def recertification_waits(
    campaign: Recertification, officer: Person, *, number: int, turn: int
) -> OutgoingMail:
    """To a User Administrator: roles wait for a review. number: of roles; turn: ordinal of the mail."""
    about = About("recertification_waits", f"recertification:{campaign.pk}:{turn}:{officer.pk}", officer)
    url = console_url("console:recertification", campaign.pk)
    return compose(about, url=url, number=number, until=campaign.due_at, again=turn > 1)


@mail(
    _("A recertification of roles has ended"),
    to=USER_ADMINISTRATOR,
    when=_("when the time to confirm roles is over"),
)
def recertification_over(campaign: Recertification, officer: Person, *, unanswered: int) -> OutgoingMail:
    """To a User Administrator: the campaign has ended. unanswered: number of roles without a decision."""
    about = About("recertification_over", f"recertification-over:{campaign.pk}:{officer.pk}", officer)
    return compose(about, url=console_url("console:recertification", campaign.pk), unanswered=unanswered)
