"""The addresses of the key archive, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.archive import views

urlpatterns = [
    path("recovery-certificates/", views.listing, name="recovery-certificates"),
    path("recovery-certificates/<uuid:pk>/", views.show, name="recovery-certificate"),
    path("recovery-certificates/<uuid:pk>/confirm/", views.confirm, name="recovery-certificate-confirm"),
    path("recovery-certificates/<uuid:pk>/retire/", views.retire, name="recovery-certificate-retire"),
]
