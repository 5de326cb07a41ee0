"""How long a person waits from **Recover** to the passphrase, on a whole installation that does nothing else.

As accept.py measures it, with an online recovery key: the demo organisation archives the keys of its type
*encryption* for one. What a person needs beforehand (a token whose key is archived, a second factor of eight
days, a session in which it was shown) is made by the verbs, while no clock runs.
"""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import requests
from allauth.mfa.models import Authenticator
from django.utils import timezone

from identity_manager.models import ArchivedKey, Person
from tests.performance import browsers, people
from tests.performance.installation import running
from tests.performance.timing import percentile
from tests.tools import cast
from tests.tools.sign_in import PROOFS

TYPE = "encryption"  # RSA-3072, one certificate, archived


def measured(number: int) -> dict[str, Any]:
    """Seconds of each of so many recoveries; one more warms up before them."""
    with running():
        samples = [recovered(owner) for owner in owners(number + 1)][1:]
    return {"figures": {"recover_to_passphrase_p95_s": percentile(samples, 95)}, "seconds": samples}


def owners(number: int) -> Iterator[Person]:
    """So many persons who have an archived key, each made ready when asked for."""
    for request in people.first_requests(TYPE, number):
        cast.accepted(request)
        deadline = time.monotonic() + browsers.PATIENCE_SECONDS
        while not ArchivedKey.objects.filter(owner=request.person).exists():
            if time.monotonic() > deadline:
                raise RuntimeError("No key was archived.")
            time.sleep(0.1)
        yield request.person


def recovered(owner: Person) -> float:
    """Seconds from Recover to the passphrase on the screen."""
    return browsers.walked(with_second_factor(owner), "/my/recover/?all", "Recover", purpose="Measured.")


def with_second_factor(owner: Person) -> requests.Session:
    """A browser in which the owner has just shown a second factor that they have had for eight days."""
    browser = browsers.client(owner)
    row = Authenticator.objects.create(
        user=owner.account, type=Authenticator.Type.WEBAUTHN, data={"name": "key"}
    )
    Authenticator.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=8))
    session = browser.session
    shown = {"method": "mfa", "at": time.time(), "id": row.pk, "type": "webauthn"}
    session[PROOFS] = [*session[PROOFS], shown]
    session.save()
    return browsers.over_http(browser)
