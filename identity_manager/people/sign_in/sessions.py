"""Verbs on sessions: list, end, forget."""

from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.models import Account, Person, ProviderSession
from identity_manager.people.sign_in import accepted_messages
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Reason, Stale, require

ENDED = Reason("session-ended", _("This session has ended meanwhile."))


def alive(account: Account) -> list[UserSession]:
    """The account's live sessions, latest use first."""
    rows = UserSession.objects.filter(user_id=account.pk).order_by("-last_seen_at", "-pk")
    known = list(rows)
    keys = [row.session_key for row in known]
    stored = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    existing = set(stored.values_list("session_key", flat=True))
    return [row for row in known if row.session_key in existing]


def record_seen(session_key: str) -> None:
    """Store the time of last use. Not audited, and not called at every page (account.middleware)."""
    UserSession.objects.filter(session_key=session_key).update(last_seen_at=timezone.now())


def record_new_key(*, old: str, new: str) -> None:
    """The session continues under a new key."""
    UserSession.objects.filter(session_key=old).update(session_key=new)


def record_provider_session(*, session_key: str, provider_id: str, sid: str) -> None:
    """Note the provider's session that this one came from, for back-channel logout; sid may be empty."""
    row = UserSession.objects.filter(session_key=session_key).first()
    if row is None:
        return
    ProviderSession.objects.update_or_create(
        session=row, defaults={"provider": provider_id, "sid_sha256": _digest(sid)}
    )


def end_by_provider(*, provider_id: str, subject: str, sid: str) -> int:
    """End the sessions that a back-channel logout names; return how many.

    With sid those of that session at the provider, else all of the subject that came from there.
    """
    with transaction.atomic():
        named = ProviderSession.objects.filter(provider=provider_id)
        named = named.filter(sid_sha256=_digest(sid)) if sid else named
        if subject:
            linked = SocialAccount.objects.filter(provider=provider_id, uid=subject)
            named = named.filter(session__user__in=linked.values("user"))
        ended = 0
        accounts = Account.objects.filter(pk__in=named.values("session__user"))
        for person_id in accounts.order_by("person_id").values_list("person_id", flat=True):
            person = locking.person(person_id)
            rows = list(UserSession.objects.filter(user__person=person, pk__in=named.values("session")))
            _end(rows)
            ended += len(rows)
            audit.record(
                audit.Event.SESSIONS_ENDED,
                actor=None,
                subject=person,
                count=len(rows),
                provider=provider_id,
            )
        return ended


def end_one(*, actor: Person, row_id: int) -> str:
    """End one session of the actor; return its key.

    Raises Stale where it has ended, UserSession.DoesNotExist where it is not the actor's.
    """
    with transaction.atomic():
        account = _account(actor)
        row = UserSession.objects.get(user_id=account.pk, pk=row_id)
        require(row in alive(account), else_=ENDED, kind=Stale)

        key: str = row.session_key
        _end([row])
        audit.record(audit.Event.SESSIONS_ENDED, actor=actor, subject=actor, count=1)
        return key


def end_all(*, actor: Person, but: str = "") -> int:
    """End all sessions of the actor except the named one; return how many."""
    with transaction.atomic():
        ended = end_locked(_account(actor), but=but)
        audit.record(audit.Event.SESSIONS_ENDED, actor=actor, subject=actor, count=ended)
        return ended


def end_locked(account: Account, *, but: str = "") -> int:
    """As end_all, for an account whose person the caller has locked and audits."""
    rows = list(UserSession.objects.filter(user_id=account.pk).exclude(session_key=but))
    _end(rows)
    return len(rows)


def forget_ended() -> int:
    """Delete rows of ended sessions, and messages that have expired; return how many sessions had."""
    with transaction.atomic():
        accepted_messages.forget_expired()
        over, _each = Session.objects.filter(expire_date__lte=timezone.now()).delete()
        kept = Session.objects.values("session_key")
        UserSession.objects.exclude(session_key__in=kept).delete()
        ProviderSession.objects.exclude(session__in=UserSession.objects.values("pk")).delete()
        return over


def _end(rows: list[UserSession]) -> None:
    Session.objects.filter(session_key__in=[row.session_key for row in rows]).delete()
    UserSession.objects.filter(pk__in=[row.pk for row in rows]).delete()


def _digest(sid: str) -> str:
    return accepted_messages.digest_of("sid", sid) if sid else ""


def _account(actor: Person) -> Account:
    return Account.objects.get(person=locking.person(actor.pk))
