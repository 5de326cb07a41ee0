"""Counts that are remembered for some seconds for each officer, so that not every page counts anew.

They lie in this process's own cache: the shared one is in the database, and to look a count up there takes as
long as to count. What an officer does is counted at once, by every process: a POST of theirs puts
another mark into the session (ActedMiddleware), and the mark is part of the key.
"""

import hashlib
import time
from collections.abc import Callable
from typing import TypeVar

from django.contrib.auth import SESSION_KEY
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse

from identity_manager.models import Person

Count = TypeVar("Count", int, list[int], dict[str, int])
CACHE = "counts"
SECONDS = 5
_ACTED = "acted_at"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def remembered(request: HttpRequest, actor: Person, name: str, count: Callable[[], Count]) -> Count:
    """The count of this name, or counts, at most SECONDS old and none of before the officer's last POST."""
    key, cache = _key(request, actor, name), caches[CACHE]
    known: Count | None = cache.get(key)
    if known is None:
        known = count()
        cache.set(key, known, SECONDS)
    return known


def remember(request: HttpRequest, actor: Person, name: str, number: int) -> None:
    """A page has counted for itself: the next pages say the same."""
    caches[CACHE].set(_key(request, actor, name), number, SECONDS)


def _key(request: HttpRequest, actor: Person, name: str) -> str:
    return key_for(actor, name, str(request.session.get(_ACTED, "")))


def key_for(actor: Person, *names: str) -> str:
    """A key of the cache: with other roles, the same officer reaches other rows."""
    offices = sorted((held.role, held.organisational_unit) for held in actor.roles_in_force())
    return hashlib.sha256(repr((actor.pk, actor.state, offices, names)).encode()).hexdigest()


class ActedMiddleware:
    """Has an officer's counts counted anew after each of their POSTs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        acted = request.method not in _READING and match is not None and "console" in match.namespaces
        if acted and SESSION_KEY in request.session:  # who has just signed out gets no new session by it
            request.session[_ACTED] = time.time_ns()
        return response
