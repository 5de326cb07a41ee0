"""Mails about targets. They name the target and numbers, and no person and no certificate."""

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
    """To a System Administrator: how much of each kind is new since the comparison before.

    found: number and kind, in words. error: why the target was not read to its end; empty where it was.
    """
    about = About("target_drift", f"target-drift:{run.pk}:{officer.pk}", officer)
    url = console_url("console:target", run.target.name)
    return compose(about, url=url, name=name, found=found, error=error)
