"""URL patterns of Self-Service, below /my/. Each folder has its own."""

from django.urls import include, path

app_name = "selfservice"
urlpatterns = [
    path("", include("selfservice.dashboard.urls")),
    path("", include("selfservice.open_tasks.urls")),
    path("", include("selfservice.requests.urls")),
    path("", include("selfservice.terms.urls")),
    path("", include("selfservice.progress.urls")),
    path("", include("selfservice.passphrases.urls")),
    path("", include("selfservice.renewal.urls")),
    path("", include("selfservice.recovery.urls")),
    path("", include("selfservice.help.urls")),
    path("", include("selfservice.certificates.urls")),
    path("", include("selfservice.revocation.urls")),
    path("", include("selfservice.replacement.urls")),
]
