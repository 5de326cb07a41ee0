"""Cached counts and choices of filters: per officer, for some seconds.

In a per-process cache: the shared cache is in the database, where a look-up takes as long as a count. An
officer's own actions invalidate it in every process: each of their POSTs changes a mark in the session
(ActedMiddleware), which is part of the cache key.
"""

import hashlib
import time
from collections.abc import Callable
from typing import TypeVar

from django.contrib.auth import SESSION_KEY
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse

from identity_manager.models import Person

Known = TypeVar("Known")
CACHE = "counts"
SECONDS = 5
_ACTED = "acted_at"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def remembered(request: HttpRequest, actor: Person, name: str, read: Callable[[], Known]) -> Known:
    """Cached result of read(), at most SECONDS old and not from before the officer's last POST."""
    key, cache = _key(request, actor, name), caches[CACHE]
    known: Known | None = cache.get(key)
    if known is None:
        known = read()
        cache.set(key, known, SECONDS)
    return known


def remember(request: HttpRequest, actor: Person, name: str, number: int) -> None:
    """Store a count that a page has made, for the next pages."""
    caches[CACHE].set(_key(request, actor, name), number, SECONDS)


def _key(request: HttpRequest, actor: Person, name: str) -> str:
    return key_for(actor, name, str(request.session.get(_ACTED, "")))


def key_for(actor: Person, *names: str) -> str:
    """The cache key, with the officer's roles, which determine the rows within reach."""
    offices = sorted((held.role, held.organisational_unit) for held in actor.roles_in_force())
    return hashlib.sha256(repr((actor.pk, actor.state, offices, names)).encode()).hexdigest()


class ActedMiddleware:
    """Invalidates an officer's cached counts after each of their POSTs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        acted = request.method not in _READING and match is not None and "console" in match.namespaces
        if acted and SESSION_KEY in request.session:  # do not create a session after a sign-out
            request.session[_ACTED] = time.time_ns()
        return response
