"""The addresses of ADMIN, included into those of Identity Manager."""

from collections.abc import Iterator

from django.urls import URLPattern, path

from identity_manager.console.catalogue_kinds import PROFILES, TYPES, Kind
from identity_manager.console.views import roles
from identity_manager.console.views.admin import authorities, catalogue, jobs, mail_texts, terms, versions


def _of_kind(kind: Kind) -> Iterator[URLPattern]:
    """The addresses of one kind of catalogue entry: `token-types/...`, `profiles/...`."""
    folder, entry, more = f"{kind.name}s/", f"{kind.name}s/<uuid:pk>/", {"kind": kind}
    yield path(folder, versions.listing, more, name=f"{kind.name}s")
    yield path(f"{folder}new/", versions.create, more, name=f"{kind.name}-new")
    yield path(entry, versions.show, more, name=kind.name)
    yield path(f"{entry}compare/<uuid:other_pk>/", versions.compare, more, name=f"{kind.name}-compare")
    for word, view in (
        ("new-version", versions.new_version),
        ("edit", versions.edit),
        ("ask", versions.ask),
        ("activate", versions.activate),
        ("refuse", versions.refuse),
        ("discard", versions.discard),
        ("retire", versions.retire),
    ):
        yield path(f"{entry}{word}/", view, more, name=f"{kind.name}-{word}")


urlpatterns = [
    path("", catalogue.overview, name="admin"),
    *_of_kind(TYPES),
    *_of_kind(PROFILES),
    path("profiles/preview/", versions.preview, name="profile-preview"),
    path("terms/", terms.listing, name="terms-documents"),
    path("terms/new/", terms.create, name="terms-new"),
    path("terms/<uuid:pk>/", terms.version, name="terms"),
    path("terms/documents/<uuid:pk>/", terms.document, name="terms-document"),
    path("terms/documents/<uuid:pk>/rename/", terms.rename, name="terms-rename"),
    path("terms/documents/<uuid:pk>/write/", terms.write, name="terms-write"),
    path("terms/documents/<uuid:pk>/ask/", terms.ask, name="terms-ask"),
    path("terms/documents/<uuid:pk>/publish/", terms.publish, name="terms-publish"),
    path("terms/documents/<uuid:pk>/refuse/", terms.refuse, name="terms-refuse"),
    path("terms/documents/<uuid:pk>/discard/", terms.discard, name="terms-discard"),
    path("mail-texts/", mail_texts.listing, name="mail-texts"),
    path("mail-texts/<str:name>/<str:language>/", mail_texts.show, name="mail-text"),
    path("mail-texts/<str:name>/<str:language>/html/", mail_texts.html, name="mail-text-html"),
    path("authorities/", authorities.listing, name="authorities"),
    path("authorities/<str:alias>/test/", authorities.test, name="authority-test"),
    path("jobs/", jobs.listing, name="jobs"),
    path("jobs/<str:name>/start/", jobs.start, name="job-start"),
    path("officers/", roles.listing, name="officers"),
]
