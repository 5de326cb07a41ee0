"""Invited persons who cannot sign in and need a sign-in code of a Registration Officer."""

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from identity_manager.models import Account, Person, SignInCode, TokenRequest
from identity_manager.models.people.sign_in_code import oldest
from identity_manager.people.sign_in import prediction


def invited_without_sign_in(officer: Person, now: datetime) -> QuerySet[Person]:
    """Persons who have never signed in, have no way to, and have a request to accept; most urgent first.

    Only those for whom this officer may hold a code (sign_in_code_policy.officer_obstacle), and for whom none
    was asked for: those are tasks of their own. Each is annotated with `accept_before`.
    """
    requests = TokenRequest.objects.filter(person=OuterRef("pk"))
    signed_in = Account.objects.filter(person=OuterRef("pk")).exclude(last_login=None)
    asked = SignInCode.objects.filter(
        person=OuterRef("pk"), made_at=None, used_at=None, withdrawn_at=None, asked_at__gt=oldest(now)
    )
    persons = Person.objects.filter(
        ~Exists(signed_in),
        ~Exists(asked),
        ~Exists(requests.open().asked_for_by(officer)),
        officer.reach({SignInCode.DECIDER}, "organisational_unit"),
        pk__in=TokenRequest.objects.unaccepted().order_by().values("person"),
    ).exclude(pk=officer.pk)
    until = Subquery(requests.unaccepted().order_by("accept_before").values("accept_before")[:1])
    needing = prediction.needing_code(persons, now=now).annotate(accept_before=until)
    return needing.order_by("accept_before", "pk")
