"""Mails about targets. They contain the target's name and numbers, and no person and no certificate."""

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from identity_manager.mail.composing import About, compose, console_url
from identity_manager.mail.registry import SYSTEM, mail
from identity_manager.models import DriftRun, OutgoingMail, Person
from identity_manager.models.words import Words


@mail(
    _("A target differs from the journal"),
    to=SYSTEM,
    when=_("when a nightly comparison finds what none before it has found, or is the first to be cut short"),
)
def target_drift(
    run: DriftRun, officer: Person, *, name: str, found: Sequence[Words], error: str
) -> OutgoingMail:
    """To a System Administrator: numbers of new findings of drift since the previous survey.

    found: number and kind, as sentences. error: why the survey was aborted; empty if it is complete.
    """
    about = About("target_drift", f"target-drift:{run.pk}:{officer.pk}", officer)
    url = console_url("console:target", run.target.name)
    return compose(about, url=url, name=name, found=found, error=error)
