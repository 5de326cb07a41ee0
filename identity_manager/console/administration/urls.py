"""URL patterns of ADMIN, included into those of Identity Manager."""

from collections.abc import Iterator

from django.urls import URLPattern, include, path

from identity_manager.console.administration import (
    authority_views,
    certificate_test_views,
    job_views,
    set_up_views,
)
from identity_manager.console.administration import views as catalogue
from identity_manager.console.catalogue import looks_views, terms_views
from identity_manager.console.catalogue import views as versions
from identity_manager.console.catalogue.kinds import PROFILES, TYPES, EntryKind
from identity_manager.console.people.roles import approver_group_views as groups
from identity_manager.console.people.roles import role_views


def _of_kind(kind: EntryKind) -> Iterator[URLPattern]:
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
    path("first-set-up/", set_up_views.show, name="first-set-up"),
    path("looks/", looks_views.show, name="looks"),
    path("looks/versions/<uuid:pk>/", looks_views.version, name="looks-version"),
    path("looks/versions/<uuid:pk>/logo.png", looks_views.logo, name="looks-version-logo"),
    path("looks/write/", looks_views.write, name="looks-write"),
    path("looks/ask/", looks_views.ask, name="looks-ask"),
    path("looks/activate/", looks_views.activate, name="looks-activate"),
    path("looks/refuse/", looks_views.refuse, name="looks-refuse"),
    path("looks/discard/", looks_views.discard, name="looks-discard"),
    path("looks/ours/", looks_views.ours, name="looks-ours"),
    path("", include("identity_manager.console.mail_texts.urls")),
    path("authorities/", authority_views.listing, name="authorities"),
    path("authorities/<str:alias>/test/", authority_views.test, name="authority-test"),
    path("jobs/", job_views.listing, name="jobs"),
    path("jobs/<str:name>/start/", job_views.start, name="job-start"),
    path("", include("identity_manager.console.configuration.urls")),
    path("", include("identity_manager.console.directory.urls")),
    path("", include("identity_manager.console.events.urls")),
    path("", include("identity_manager.console.api_clients.urls")),
    path("", include("identity_manager.console.targets.urls")),
    path("client-certificates/", certificate_test_views.show, name="certificate-test"),
    path("officers/", role_views.listing, name="officers"),
    path("officers/export/", role_views.export, name="officers-export"),
    path("officers/approver-groups/", groups.listing, name="approver-groups"),
    path("officers/approver-groups/<uuid:pk>/", groups.show, name="approver-group"),
    path("officers/approver-groups/<uuid:pk>/delete/", groups.delete, name="approver-group-delete"),
    path(
        "officers/approver-groups/<uuid:pk>/remove/<uuid:person_id>/",
        groups.remove,
        name="approver-group-remove",
    ),
]
