"""Verbs on preferences of officers. They affect display only, so they are not audited."""

from identity_manager.models import Person
from identity_manager.models.people.account import PAGE_SIZES


def set_page_size(*, actor: Person, size: int) -> None:
    """Have lists show that many rows on a page; a number that nobody is offered changes nothing."""
    if size in PAGE_SIZES:
        actor.account.page_size = size
        actor.account.save(update_fields=["page_size"])
