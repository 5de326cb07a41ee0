"""Every page of both portals that no road leads past, in German on a phone in the dark: the tightest look.

test_every_address.py has all pages narrower still; those of requests that ended or failed are here alone.
"""

import pytest
from django.urls import reverse

from identity_manager.models import Role, SoftwareToken, TermsVersion
from tests.browser.conftest import NEEDS, PHONE, OpenDesk
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = NEEDS

Address = tuple[str, str]  # the name of an address and of the thing in it
PAGES: dict[str, list[Address]] = {
    "administrator": [
        ("console:start", ""),
        ("console:search", ""),
        ("console:approvals", ""),
        ("console:requests", ""),
        ("console:person", "person"),
        ("console:request", "failed"),
        ("console:request", "completed"),
        ("console:request-cancel", "failed"),
        ("console:token-revoke", "token"),
        ("mailbox:list", ""),
    ],
    "approver": [
        ("console:approvals", ""),
        ("console:decisions", ""),
        ("console:request", "requested"),
        ("console:request-postpone", "requested"),
    ],
    "system administrator": [
        ("console:admin", ""),
        ("console:token-types", ""),
        ("console:token-type", "type"),
        ("console:token-type-new", ""),
        ("console:token-type-new-version", "type"),
        ("console:token-type-retire", "type"),
        ("console:profiles", ""),
        ("console:profile-new", ""),
        ("console:terms-documents", ""),
        ("console:terms-new", ""),
        ("console:mail-texts", ""),
        ("console:authorities", ""),
        ("console:jobs", ""),
        ("console:terms", "terms"),
    ],
    "registration officer": [("console:person", "person"), ("console:approvals", "")],
    "user": [
        ("selfservice:dashboard", ""),
        ("selfservice:request-softtoken", ""),
        ("selfservice:requests", ""),
        ("selfservice:certificates", ""),
        ("selfservice:file-help", ""),
        ("selfservice:token", "token"),
        ("selfservice:lock", "token"),
        ("selfservice:progress", "failed"),
        ("selfservice:withdraw", "requested"),
        ("account_change_password", ""),
        ("account_reauthenticate", ""),
        ("account_logout", ""),
    ],
    "nobody": [("account_login", ""), ("first_sign_in", ""), ("signed-out", "")],
}
ROLES = {
    "administrator": Role.TOKEN_ADMINISTRATOR,
    "approver": Role.APPROVER,
    "system administrator": Role.SYSTEM_ADMINISTRATOR,
    "registration officer": Role.REGISTRATION_OFFICER,
}


@pytest.fixture
def things(company: Company) -> dict[str, str]:
    """What the addresses name: a request in each state that has a page of its own, a token, and the rest."""
    completed = company.request_in("completed")
    encryption = cast.token_type("encryption")
    failed = cast.failed(cast.accepted(cast.enabled(company.ada, company.uma, encryption)))
    return {
        "completed": str(completed.pk),
        "failed": str(failed.pk),
        "requested": str(company.request_in("requested").pk),
        "token": str(SoftwareToken.objects.get(request=completed).pk),
        "person": str(company.uma.pk),
        "type": str(company.vpn.pk),
        "terms": str(TermsVersion.objects.get().pk),
    }


@pytest.mark.nightly
@pytest.mark.parametrize("who", PAGES)
def test_it_is_clean(open_desk: OpenDesk, company: Company, things: dict[str, str], who: str) -> None:
    person = company.uma if who == "user" else None
    if who in ROLES:
        person = cast.person(who.replace(" ", "-"), roles=(ROLES[who],))
    desk = open_desk(person or "", viewport=PHONE, color_scheme="dark", locale="de-DE", language="de")
    for name, thing in PAGES[who]:
        desk.open(reverse(name, args=[things[thing]] if thing else []))
        assert desk.page.locator("html").get_attribute("lang") == "de"
