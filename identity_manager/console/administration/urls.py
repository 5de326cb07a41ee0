"""URL patterns of ADMIN, included into those of Identity Manager."""

from django.urls import include, path

from identity_manager.console.administration import (
    authority_views,
    certificate_test_views,
    job_views,
    set_up_views,
    views,
)

urlpatterns = [
    path("", views.overview, name="admin"),
    path("first-set-up/", set_up_views.show, name="first-set-up"),
    path("authorities/", authority_views.listing, name="authorities"),
    path("authorities/<str:alias>/test/", authority_views.test, name="authority-test"),
    path("jobs/", job_views.listing, name="jobs"),
    path("jobs/<str:name>/start/", job_views.start, name="job-start"),
    path("client-certificates/", certificate_test_views.show, name="certificate-test"),
    path("", include("identity_manager.console.catalogue.urls")),
    path("", include("identity_manager.console.mail_texts.urls")),
    path("", include("identity_manager.console.configuration.urls")),
    path("", include("identity_manager.console.directory.urls")),
    path("", include("identity_manager.console.events.urls")),
    path("", include("identity_manager.console.api_clients.urls")),
    path("", include("identity_manager.console.targets.urls")),
    path("", include("identity_manager.console.people.roles.urls")),
]
