"""A browser in which a person has signed in, as long ago as a test wants it."""

import time

from django.contrib.auth import SESSION_KEY
from django.test import Client

from identity_manager.models import Account, Person

# Where the session says (allauth) how and when somebody has proved who they are, and who that is.
PROOFS, PROOFS_OF = "account_authentication_methods", "account_authentication_methods_user"


def signed_in(
    person: Person, seconds_ago: float | None = None, *, enforce_csrf_checks: bool = False
) -> Client:
    """A browser of the person. seconds_ago: when the password was entered; without it, nobody knows."""
    account, _made = Account.objects.get_or_create(
        person=person, defaults={"username": person.personnel_number}
    )
    browser = Client(enforce_csrf_checks=enforce_csrf_checks)
    browser.force_login(account)
    if seconds_ago is not None:
        prove(browser, seconds_ago)
    return browser


def prove(browser: Client, seconds_ago: float = 0) -> None:
    """Whoever is signed in has entered the password then, and shown nothing since."""
    session = browser.session
    session[PROOFS] = [{"method": "password", "at": time.time() - seconds_ago}]
    session[PROOFS_OF] = session[SESSION_KEY]
    session.save()
