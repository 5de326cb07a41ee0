"""Walks the road with the code of a release from 0.1.0 on: PYTHONPATH names that code, not this one.

    python road_of_1_0.py FUNCTION ARGUMENTS-AS-JSON

It imports only what those releases have. The last line of the output is the answer, as JSON.
"""

import json
import sys
from typing import Any

import django

ADDRESSES = (
    "console:start",
    "console:search",
    "console:requests",
    "console:approvals",
    "console:outbox",
)


def pages() -> dict[str, int]:
    """What the pages of ada, an administrator, answer."""
    from django.conf import settings
    from django.test import Client
    from django.urls import reverse

    from identity_manager.models import Account, Person

    ada = Person.objects.get(personnel_number="P-ada")
    account = Account.objects.filter(person=ada).first()
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(
        account or Account.objects.create_account(username="ada", person=ada, password=None),
        backend=settings.AUTHENTICATION_BACKENDS[0],
    )
    return {name: browser.get(reverse(name)).status_code for name in ADDRESSES}


def rename(*, name: str, name_de: str) -> None:
    """Name the terms in both languages that the release has."""
    from identity_manager.catalogue import terms
    from identity_manager.models import Person, Role, TermsDocument
    from tests import cast

    sysadmin = Person.objects.filter(personnel_number="P-rename").first()
    sysadmin = sysadmin or cast.person("rename", roles=(Role.SYSTEM_ADMINISTRATOR,))
    document = TermsDocument.objects.get()
    terms.rename_document(actor=sysadmin, document_id=document.pk, name=name, name_de=name_de)


def named() -> list[str]:
    """What the terms are called in English and in German."""
    from identity_manager.models import TermsDocument

    document = TermsDocument.objects.get()
    return [document.name, document.name_de]


def leave() -> dict[str, str]:
    """One request, each of another person, at each place where it may lie while versions change."""
    from identity_manager.models import Person, TokenType
    from identity_manager.workflow import hold
    from tests import cast

    ada = Person.objects.get(personnel_number="P-ada")
    vpn, signature = (TokenType.objects.active().get(code=code) for code in ("vpn", "signature"))

    def asked(name: str, kind: Any = vpn) -> Any:
        return cast.enabled(ada, cast.person(name, roles=()), kind)

    def sealed(name: str) -> Any:
        return cast.issued(cast.accepted(asked(name)))

    held = cast.delivered(sealed("held"))
    cast.noted(held.tokens.get())
    hold.put_on_hold(actor=ada, token_id=held.tokens.get().pk, reason="lost for now")
    noted = sealed("noted")
    cast.noted(noted.tokens.get())
    left = {
        "requested": asked("requested", signature),
        "awaiting": asked("awaiting"),
        "issuing": cast.accepted(asked("issuing")),
        "sealed": sealed("sealed"),
        "noted": noted,
        "delivered": cast.delivered(sealed("delivered")),
        "held": held,
    }
    return {name: str(request.pk) for name, request in left.items()}


if __name__ == "__main__":
    django.setup()
    answer = globals()[sys.argv[1]](**json.loads(sys.argv[2]))
    sys.stdout.write(f"\n{json.dumps(answer)}\n")
