"""URL patterns of token types, profiles, terms and looks, within ADMIN."""

from collections.abc import Iterator

from django.urls import URLPattern, path

from identity_manager.console.catalogue import looks_views, terms_views, views
from identity_manager.console.catalogue.kinds import PROFILES, TYPES, EntryKind


def _of_kind(kind: EntryKind) -> Iterator[URLPattern]:
    """The addresses of one kind of catalogue entry: `token-types/...`, `profiles/...`."""
    folder, entry, more = f"{kind.name}s/", f"{kind.name}s/<uuid:pk>/", {"kind": kind}
    yield path(folder, views.listing, more, name=f"{kind.name}s")
    yield path(f"{folder}new/", views.create, more, name=f"{kind.name}-new")
    yield path(entry, views.show, more, name=kind.name)
    yield path(f"{entry}compare/<uuid:other_pk>/", views.compare, more, name=f"{kind.name}-compare")
    for word, view in (
        ("new-version", views.new_version),
        ("edit", views.edit),
        ("ask", views.ask),
        ("activate", views.activate),
        ("refuse", views.refuse),
        ("discard", views.discard),
        ("retire", views.retire),
    ):
        yield path(f"{entry}{word}/", view, more, name=f"{kind.name}-{word}")


urlpatterns = [
    *_of_kind(TYPES),
    *_of_kind(PROFILES),
    path("profiles/preview/", views.preview, name="profile-preview"),
    path("terms/", terms_views.listing, name="terms-documents"),
    path("terms/new/", terms_views.create, name="terms-new"),
    path("terms/<uuid:pk>/", terms_views.version, name="terms"),
    path("terms/documents/<uuid:pk>/", terms_views.document, name="terms-document"),
    path("terms/documents/<uuid:pk>/rename/", terms_views.rename, name="terms-rename"),
    path("terms/documents/<uuid:pk>/write/", terms_views.write, name="terms-write"),
    path("terms/documents/<uuid:pk>/ask/", terms_views.ask, name="terms-ask"),
    path("terms/documents/<uuid:pk>/publish/", terms_views.publish, name="terms-publish"),
    path("terms/documents/<uuid:pk>/refuse/", terms_views.refuse, name="terms-refuse"),
    path("terms/documents/<uuid:pk>/discard/", terms_views.discard, name="terms-discard"),
    path("looks/", looks_views.show, name="looks"),
    path("looks/versions/<uuid:pk>/", looks_views.version, name="looks-version"),
    path("looks/versions/<uuid:pk>/logo.png", looks_views.logo, name="looks-version-logo"),
    path("looks/write/", looks_views.write, name="looks-write"),
    path("looks/ask/", looks_views.ask, name="looks-ask"),
    path("looks/activate/", looks_views.activate, name="looks-activate"),
    path("looks/refuse/", looks_views.refuse, name="looks-refuse"),
    path("looks/discard/", looks_views.discard, name="looks-discard"),
    path("looks/ours/", looks_views.ours, name="looks-ours"),
]
