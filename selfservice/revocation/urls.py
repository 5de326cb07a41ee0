"""URL patterns of **Lock** and **Revoke all**, included into those of Self-Service."""

from django.urls import path

from selfservice.revocation import views

urlpatterns = [
    path("certificates/revoke-all/", views.revoke_all, name="revoke-all"),
    path("certificates/<uuid:token_id>/lock/", views.lock, name="lock"),
]
