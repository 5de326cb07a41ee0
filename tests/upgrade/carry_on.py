"""Goes on, with the present code, with what a release has left.

python -m tests.upgrade.carry_on FUNCTION ARGUMENTS-AS-JSON
"""

import json
import sys

import django


def decide(*, requested: str, awaiting: str) -> None:
    """Approve what waits for an approval, and accept what waits for the person."""
    from identity_manager.models import Person, TokenRequest
    from tests.tools import cast

    paul = Person.objects.get(personnel_number="P-paul")
    cast.accepted(cast.approved(paul, TokenRequest.objects.get(pk=requested)))
    cast.accepted(TokenRequest.objects.get(pk=awaiting))


def reinstate(*, held: str) -> None:
    """End the hold of the token of a request."""
    from identity_manager.models import Person, TokenRequest
    from identity_manager.workflow.revocation import hold

    ada = Person.objects.get(personnel_number="P-ada")
    hold.reinstate(actor=ada, token_id=TokenRequest.objects.get(pk=held).tokens.get().pk)


def rename(*, texts: dict[str, str]) -> None:
    """Name the terms in these languages."""
    from identity_manager.catalogue import terms
    from identity_manager.models import Person, TermsDocument

    actor = Person.objects.get(personnel_number="P-rename")
    terms.rename_document(actor=actor, document_id=TermsDocument.objects.get().pk, name=texts)


def named() -> dict[str, str]:
    """What the terms are called, by language."""
    from identity_manager.models import TermsDocument

    return dict(TermsDocument.objects.get().name)


def open_all(*, requests: list[str]) -> dict[str, int]:
    """Show and note the passphrase of each request's token; how many of its files it opens."""
    from cryptography.hazmat.primitives.serialization import pkcs12

    from identity_manager.models import TokenRequest
    from tests.tools import cast

    opened = {}
    for pk in requests:
        token = TokenRequest.objects.get(pk=pk).tokens.get()
        passphrase = cast.shown(token).encode()
        files = [pkcs12.load_pkcs12(each.content, passphrase) for each in token.containers.all()]
        opened[pk] = sum(1 for each in files if each.key is not None)
        cast.noted(token)
    return opened


def waiting() -> list[str]:
    """The requests whose token is not sealed yet, and the mails that are not sent."""
    from identity_manager.models import OutgoingMail, SoftwareToken, TokenState

    done = (TokenState.SEALED, TokenState.ACTIVE)
    tokens = SoftwareToken.objects.exclude(state__in=done).values_list("request_id", flat=True)
    mails = OutgoingMail.objects.exclude(state="sent").values_list("message", flat=True)
    return [*map(str, tokens), *mails]


def states() -> dict[str, str]:
    """The state of each token, by its request."""
    from identity_manager.models import SoftwareToken

    return {str(pk): state for pk, state in SoftwareToken.objects.values_list("request_id", "state")}


if __name__ == "__main__":
    django.setup()
    answer = globals()[sys.argv[1]](**json.loads(sys.argv[2]))
    sys.stdout.write(f"\n{json.dumps(answer)}\n")
