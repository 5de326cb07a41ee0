"""URL patterns of HELP, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.help import views

urlpatterns = [
    path("help/", views.index, name="help"),
    path("help/images/<path:name>", views.image, name="document-image"),
    path("help/<path:name>/", views.show, name="document"),
]
