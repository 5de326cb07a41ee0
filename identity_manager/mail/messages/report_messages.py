"""Mails about saved reports. They contain no person and no number: the report requires a sign-in."""

from django.utils.translation import gettext_lazy as _

from identity_manager.mail.composing import About, compose, console_url
from identity_manager.mail.registry import mail
from identity_manager.models import OutgoingMail, Person, SavedSearch


@mail(_("A report can be opened"), to=_("an officer"), when=_("on the days on which they want a link to it"))
def report_link(saved: SavedSearch, officer: Person) -> OutgoingMail:
    """To the officer who saved the report: a link to it, without its title, which may contain a name."""
    occasion = f"report-link:{saved.pk}:{saved.mail_due_at:%Y-%m-%d}" if saved.mail_due_at else ""
    about = About("report_link", occasion, officer)
    return compose(
        about, url=console_url("console:saved-report", saved.pk), monthly=saved.mailing == "monthly"
    )
