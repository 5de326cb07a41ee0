"""The addresses of imports, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.views import imports

urlpatterns = [
    path("imports/", imports.upload, name="import-upload"),
    path("imports/<uuid:pk>/", imports.show, name="import"),
    path("imports/<uuid:pk>/confirm/", imports.confirm, name="import-confirm"),
    path("imports/<uuid:pk>/identities/", imports.confirm_identities, name="import-identities"),
    path("imports/<uuid:pk>/reject/", imports.reject, name="import-reject"),
    path("imports/<uuid:pk>/withdraw/", imports.withdraw, name="import-withdraw"),
    path("imports/<uuid:pk>/report.csv", imports.report, name="import-report"),
]
