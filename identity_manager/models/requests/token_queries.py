"""Query sets of software tokens; most rules stand in Python too, on the model in software_token.py."""

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.db.models import Exists, F, OuterRef, Q, Subquery

from ca_bridge.contract import RevocationReason
from identity_manager.models.catalogue.token_type import InstallationPolicy, TokenType
from identity_manager.models.lease import LeasedQuerySet, Row
from identity_manager.models.people.leave import Leave
from identity_manager.models.people.person import PersonState
from identity_manager.models.requests.certificate import USABLE, Certificate
from identity_manager.models.requests.certificate_states import NOT_ENDED
from identity_manager.models.requests.container import Container
from identity_manager.models.requests.states import RequestKind, RequestState
from identity_manager.models.requests.token_states import (
    DELIVERABLE,
    IN_USE,
    NEVER_HANDED_OUT,
    UNDER_WAY,
    DeliveryState,
    TokenState,
)

T = TokenState


def first_end() -> Subquery:
    """Subquery: earliest end of a token's living certificates; null without any."""
    living = Certificate.objects.filter(token=OuterRef("pk"), state__in=NOT_ENDED)
    return Subquery(living.order_by("not_after").values("not_after")[:1])


def _lives_on() -> Q:
    living = Certificate.objects.filter(token=OuterRef("pk"), state__in=NOT_ENDED)
    kept = living.filter(revocation_decided_at=None)
    return Q(Exists(living), state=T.REPLACED) | Q(Exists(kept), state=T.REVOKED)


def _has_files() -> Exists:
    return Exists(Container.objects.filter(token=OuterRef("pk")))


class SoftwareTokenQuerySet(LeasedQuerySet[Row]):
    """Rows of SoftwareToken. Most of these rules stand in Python too, among its properties.

    tests/identity_manager/models/test_rules_agree.py compares the two over all states.
    """

    def to_be_sealed(self) -> Self:
        """Tokens of a living request and an Active person, all of whose certificates are usable.

        Certificates that an officer has left out do not count; a token without others was cancelled.
        """
        wanted = Certificate.objects.filter(token=OuterRef("pk"), left_out_at=None)
        return self.filter(
            ~Exists(wanted.exclude(USABLE)),
            state=T.ISSUING,
            request__state=RequestState.ISSUING,
            person__state=PersonState.ACTIVE,
        )

    def put_off_with_keys_to_archive(self) -> Self:
        """Tokens whose keys are to be archived, and whose sealing was put off."""
        waiting = self.filter(state=T.ISSUING, token_type__archive_key=True, next_attempt_at__isnull=False)
        return waiting.exclude(last_error="")

    def finished(self) -> Self:
        """Tokens that were handed out or have ended; not those that are on hold on their way."""
        return self.exclude(Q(state__in=UNDER_WAY) | Q(state=T.ON_HOLD, is_open=True))

    def held(self) -> Self:
        """Tokens that are under way or in use: their person has them, or gets them."""
        return self.filter(Q(is_open=True) | Q(state__in=IN_USE))

    def with_type_name(self) -> Self:
        """With what their types are called, as type_name: lists show no more of a type."""
        return self.annotate(type_name=F("token_type__name"))

    def with_unacknowledged_passphrase(self) -> Self:
        """Tokens whose passphrase still exists."""
        return self.filter(passphrase_wrapped__isnull=False)

    def to_be_noted(self) -> Self:
        """Tokens whose passphrase the person can note now: not those on hold."""
        return self.with_unacknowledged_passphrase().exclude(state=T.ON_HOLD)

    def overdue(self, now: datetime) -> Self:
        """Tokens whose passphrase was not noted in time; a hold does not keep it alive."""
        late = self.filter(state__in=(T.SEALED, T.ON_HOLD), passphrase_destroy_at__lte=now)
        return late.filter(passphrase_wrapped__isnull=False)

    def passphrase_shown_since(self, person_id: uuid.UUID, moment: datetime) -> Self:
        """The person's tokens of which a passphrase was shown since then."""
        return self.filter(person_id=person_id, passphrase_shown_at__gte=moment)

    def to_be_fetched(self) -> Self:
        """Tokens in use whose files wait in Self-Service: their mail failed, or brought a link."""
        waiting = (DeliveryState.BOUNCED, DeliveryState.OFFERED)
        return self.filter(_has_files(), state__in=DELIVERABLE, delivery__in=waiting)

    def alive(self) -> Self:
        """Tokens that are under way or in use, and ended ones of which a certificate lives on."""
        return self.filter(Q(state__in=(*UNDER_WAY, *IN_USE)) | _lives_on())

    def living_on(self) -> Self:
        """Ended tokens of which a certificate lives on."""
        return self.filter(_lives_on())

    def in_use(self) -> Self:
        """Tokens that were handed out and have not ended."""
        return self.filter(state__in=IN_USE)

    def revocable(self) -> Self:
        """Tokens in use, and ended ones with a certificate that can still be revoked."""
        living = Certificate.objects.filter(token=OuterRef("pk"), state__in=NOT_ENDED)
        undecided = Q(revocation_decided_at=None)
        superseded = Q(revocation_reason=RevocationReason.SUPERSEDED)
        return self.filter(
            Q(state__in=IN_USE)
            | Q(Exists(living.filter(undecided | superseded)), state=T.REPLACED)
            | Q(Exists(living.filter(undecided)), state=T.REVOKED)
        )

    def without_recovered(self) -> Self:
        """Not recovered keys, which have no certificate of their own."""
        return self.exclude(kind=RequestKind.RECOVERY)

    def with_has_files(self) -> Self:
        """Annotate whether the token's files are kept, without a query for each."""
        return self.annotate(has_files=_has_files())

    def superseded(self, now: datetime) -> Self:
        """Tokens whose successor is active, and has been for as many days as the successor's type says.

        It is active since it was delivered and acknowledged, whichever came last; where targets alone
        deliver it, since it is at all of them. The days begin anew with the end of a leave. A successor that
        was replaced itself has worked, too.
        """
        long_enough = Q()
        periods = TokenType.objects.order_by().values_list("replaced_after_days", flat=True).distinct()
        for days in periods:
            since = now - timedelta(days=days)
            known = Q(renewals__acknowledged_at__lte=since)
            known |= Q(renewals__delivery=DeliveryState.AT_TARGETS)
            was_here = ~Exists(Leave.objects.filter(person=OuterRef("person"), ended_at__gt=since))
            long_enough |= known & Q(
                was_here, renewals__token_type__replaced_after_days=days, renewals__delivered_at__lte=since
            )
        return self.filter(
            long_enough,
            state__in=(T.ACTIVE, T.ON_HOLD),
            person__state=PersonState.ACTIVE,  # a leave stops the clock
            renewals__state__in=(T.ACTIVE, T.REPLACED),
        )

    def awaiting_installation(self) -> Self:
        """Tokens that were delivered and acknowledged here, without a confirmed installation."""
        return self.filter(state=T.ACTIVE, acknowledged_at__isnull=False, installed_at=None)

    def to_be_asked_of_installation(self) -> Self:
        """Tokens of a type with an installation rule, without an installation notice."""
        wanting = TokenType.objects.active().exclude(installation_policy=InstallationPolicy.NOTHING)
        rows = self.awaiting_installation().filter(type_code__in=wanting.order_by().values("code"))
        return rows.filter(installation_notice=None)

    def visible_under_certificates(self) -> Self:
        """Tokens that were delivered, in any later state."""
        return self.exclude(state__in=NEVER_HANDED_OUT)
