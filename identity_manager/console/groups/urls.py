"""URL patterns of groups."""

from django.urls import path

from identity_manager.console.groups import views

urlpatterns = [
    path("", views.listing, name="groups"),
    path("make/", views.make, name="group-make"),
    path("<uuid:pk>/", views.show, name="group"),
    path("<uuid:pk>/remove/<uuid:person_id>/", views.remove, name="group-remove"),
    path("<uuid:pk>/end/", views.end, name="group-end"),
]
