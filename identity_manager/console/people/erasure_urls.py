"""The addresses of erasures, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.people import erasure_views

urlpatterns = [
    path("persons/<uuid:pk>/erase/", erasure_views.ask, name="person-erase"),
    path("erasures/<uuid:pk>/confirm/", erasure_views.confirm, name="erasure-confirm"),
    path("erasures/<uuid:pk>/withdraw/", erasure_views.withdraw, name="erasure-withdraw"),
]
