"""The addresses of imports, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.people import import_views

urlpatterns = [
    path("imports/", import_views.upload, name="import-upload"),
    path("imports/<uuid:pk>/", import_views.show, name="import"),
    path("imports/<uuid:pk>/confirm/", import_views.confirm, name="import-confirm"),
    path("imports/<uuid:pk>/identities/", import_views.confirm_identities, name="import-identities"),
    path("imports/<uuid:pk>/reject/", import_views.reject, name="import-reject"),
    path("imports/<uuid:pk>/withdraw/", import_views.withdraw, name="import-withdraw"),
    path("imports/<uuid:pk>/report.csv", import_views.report, name="import-report"),
]
