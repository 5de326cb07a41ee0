"""Mails about runs of directory sources. They contain the source and numbers, and no person."""

from django.utils.translation import gettext_lazy as _

from identity_manager.mail.composing import About, compose, console_url
from identity_manager.mail.registry import mail
from identity_manager.models import DirectoryRun, OutgoingMail, Person


@mail(
    _("A directory run was stopped"),
    to=_("the Registration Officers of all units"),
    when=_("when the breaker stops a run, which two of them may let go on"),
)
def directory_run_stopped(run: DirectoryRun, officer: Person, *, name: str, why: str) -> OutgoingMail:
    """To a Registration Officer: the run changed nobody, and waits for two of them."""
    about = About("directory_run_stopped", f"directory-run-stopped:{run.pk}:{officer.pk}", officer)
    return compose(about, url=console_url("console:directory-run", run.pk), name=name, why=why)
