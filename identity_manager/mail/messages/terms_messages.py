"""Mails about terms that are to be accepted again. One function per mail."""

from django.utils.translation import gettext_lazy as _

from identity_manager.mail import deduplication
from identity_manager.mail.composing import About, compose, selfservice_url
from identity_manager.mail.registry import PERSON, mail
from identity_manager.models import OutgoingMail, Person, TermsNotice


@mail(
    _("Terms are to be accepted again"),
    to=PERSON,
    when=_("when a new version of terms asks those who hold tokens, and some days before their time ends"),
)
def terms_again(notice: TermsNotice, *, person: Person, days: int) -> OutgoingMail:
    """To the person: a new version waits for their acceptance. days: the threshold; 0 for the first mail."""
    about = About("terms_again", deduplication.terms_again(notice, days=days), person)
    return compose(about, url=selfservice_url("selfservice:terms-again", notice.pk), notice=notice)


@mail(
    _("Software tokens are on hold until terms are accepted"),
    to=PERSON,
    when=_("when they have not accepted a new version of terms in time, and it says that tokens are held"),
)
def terms_hold(notice: TermsNotice, *, person: Person) -> OutgoingMail:
    """To the person: their tokens are on hold until they accept."""
    about = About("terms_hold", f"terms-hold:{notice.version_id}:{person.pk}", person)
    return compose(about, url=selfservice_url("selfservice:terms-again", notice.pk), notice=notice)
