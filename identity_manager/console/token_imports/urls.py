"""URL patterns of imports of tokens, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.token_imports import views

urlpatterns = [
    path("token-imports/", views.listing, name="token-imports"),
    path("token-imports/<uuid:pk>/", views.show, name="token-import"),
    path("token-imports/<uuid:pk>/ask/", views.ask, name="token-import-ask"),
    path("token-imports/<uuid:pk>/confirm/", views.confirm, name="token-import-confirm"),
    path("token-imports/<uuid:pk>/reject/", views.reject, name="token-import-reject"),
    path("token-imports/<uuid:pk>/withdraw/", views.withdraw, name="token-import-withdraw"),
    path("migration/", views.migration, name="migration"),
]
