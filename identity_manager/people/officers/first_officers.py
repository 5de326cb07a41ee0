"""Creation of officers by the operator of the machine (commands)."""

from collections.abc import Mapping, Sequence

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from identity_manager.models import Account, Person, Role
from identity_manager.people import persons
from identity_manager.people.officers import roles
from identity_manager.people.sign_in import accounts
from identity_manager.transactions.refusals import Reason, refuse, require

NO_ROLE = Reason("no-role", _("An officer needs at least one role."))
OFFICERS_EXIST = Reason(
    "officers-exist", _("There is a System Administrator already; officers are made in the portal now.")
)


def create_officer(
    *,
    values: Mapping[str, str],
    username: str,
    password: str,
    held: Sequence[Role],
    force: bool = False,
    break_glass: bool = False,
) -> Account:
    """Create an Active person with account and roles, in one transaction.

    values: fields of a person as text. force: also where a System Administrator can sign in already.
    break_glass: emergency account, which signs in at /account/break-glass/ whatever the sign-in methods
    are. Raises NotPossible with field and reason.
    """
    with transaction.atomic():
        refuse(OFFICERS_EXIST if not force and system_administrator_exists() else None)
        require(held, else_=NO_ROLE, field="role")
        person = persons.create_active(actor=None, values=values)
        account = accounts.open_account(
            person_id=person.pk, username=username, password=password, is_break_glass=break_glass
        )
        for role in dict.fromkeys(held):
            roles.establish(person_id=person.pk, role=role)
        return account


def system_administrator_exists() -> bool:
    """Whether a System Administrator can sign in, who can make other officers."""
    return Person.objects.holding(Role.SYSTEM_ADMINISTRATOR).filter(account__is_active=True).exists()
