"""Mails about standing orders. They name the order and numbers, and nobody."""

from django.utils.translation import gettext_lazy as _

from identity_manager.mail.composing import About, compose, console_url
from identity_manager.mail.registry import mail
from identity_manager.models import OutgoingMail, Person, StandingOrder


@mail(
    _("A standing order was stopped"),
    to=_("the Software Token Administrators of all organisational units"),
    when=_("when the breaker stops a standing order, which two of them may let go on"),
)
def standing_order_stopped(order: StandingOrder, officer: Person, *, why: str) -> OutgoingMail:
    """To a Software Token Administrator: nobody gains or loses anything until two of them agree."""
    occasion = f"standing-order-stopped:{order.pk}:{order.version}:{officer.pk}"
    about = About("standing_order_stopped", occasion, officer)
    return compose(about, url=console_url("console:standing-order", order.pk), name=order.name, why=why)
