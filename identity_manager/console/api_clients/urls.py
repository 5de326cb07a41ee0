"""URL patterns of clients of the API, within ADMIN."""

from django.urls import path

from identity_manager.console.api_clients import views

urlpatterns = [
    path("api-clients/", views.listing, name="api-clients"),
    path("api-clients/make/", views.make, name="api-client-make"),
    path("api-clients/<uuid:pk>/confirm/", views.confirm, name="api-client-confirm"),
    path("api-clients/<uuid:pk>/revoke/", views.revoke, name="api-client-revoke"),
]
