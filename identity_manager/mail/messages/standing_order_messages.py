"""Mails about standing orders. They contain the order's name and numbers, and no person."""

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
    """To a Software Token Administrator: an order was stopped, until two of them release it."""
    occasion = f"standing-order-stopped:{order.pk}:{order.version}:{officer.pk}"
    about = About("standing_order_stopped", occasion, officer)
    return compose(about, url=console_url("console:standing-order", order.pk), name=order.name, why=why)
