"""URL patterns of recoveries by officers, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.recovery import views

urlpatterns = [
    path("persons/<uuid:pk>/recover/", views.ask, name="person-recover"),
    path("recoveries/", views.listing, name="recoveries"),
    path("recoveries/<uuid:pk>/", views.show, name="recovery"),
    path("recoveries/<uuid:pk>/approve/", views.approve, name="recovery-approve"),
    path("recoveries/<uuid:pk>/reject/", views.reject, name="recovery-reject"),
    path("recoveries/<uuid:pk>/share/", views.share, name="recovery-share"),
]
