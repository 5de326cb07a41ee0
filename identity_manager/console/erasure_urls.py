"""The addresses of erasures, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.views import erasures

urlpatterns = [
    path("persons/<uuid:pk>/erase/", erasures.ask, name="person-erase"),
    path("erasures/<uuid:pk>/confirm/", erasures.confirm, name="erasure-confirm"),
    path("erasures/<uuid:pk>/withdraw/", erasures.withdraw, name="erasure-withdraw"),
]
