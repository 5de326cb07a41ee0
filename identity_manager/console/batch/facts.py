"""Facts on the page of a batch order: options, reason, pacing, second officer."""

from collections.abc import Iterator

from django.utils.formats import time_format
from django.utils.translation import gettext as _

from identity_manager.console.lists.counting import grouped
from identity_manager.models import BatchOrder, ReplacementCause
from identity_manager.models.catalogue.token_type import CONTAINER_FORMATS
from identity_manager.models.requests.revocation_reasons import REVOCATION_REASONS
from identity_manager.models.words import Vocabulary
from identity_manager.ui.bidi import isolated

# Labels of the kinds' options, by name and value.
WORDS = {
    "reason": REVOCATION_REASONS,
    "cause": Vocabulary("causes of replacements", ReplacementCause.choices),
    "container_format": Vocabulary("container formats", CONTAINER_FORMATS),
}


def of_order(order: BatchOrder) -> Iterator[tuple[str, str]]:
    """Label and text of what there is."""
    yield from _options(order)
    if order.note:
        yield _("Reason"), order.note
    if order.cause:
        yield _("Cause"), order.cause
    if order.rate:
        yield _("At most so many an hour"), grouped(order.rate)
    if order.window_from and order.window_to:
        hours = {"begins": time_format(order.window_from), "ends": time_format(order.window_to)}
        yield _("Time of day"), _("from %(begins)s to %(ends)s") % hours
    if order.decided_by:
        word = _("Confirmed by") if order.started_at else _("Rejected by")
        yield word, isolated(order.decided_by)
    if order.reason:
        yield _("Why it was not confirmed"), order.reason


def _options(order: BatchOrder) -> Iterator[tuple[str, str]]:
    labels = {
        "reason": _("Reason in the revocation list"),
        "cause": _("Why they are replaced"),
        "container_format": _("Format"),
    }
    for name, label in labels.items():
        if name in order.options:
            yield label, str(WORDS[name].in_words(order.options[name]))
    if order.options.get("encryption"):
        yield _("Encryption certificates"), _("are revoked, too")
