"""URL patterns of the page of a passphrase, included into those of Self-Service."""

from django.urls import path

from selfservice.passphrases import views

urlpatterns = [
    path("tokens/<uuid:token_id>/passphrase/", views.passphrase, name="passphrase"),
    path("tokens/<uuid:token_id>/acknowledge/", views.acknowledge, name="acknowledge"),
]
