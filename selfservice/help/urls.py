"""URL patterns of the help, included into those of Self-Service."""

from django.urls import path

from selfservice.help import views

urlpatterns = [
    path("help/", views.show, name="help"),
    path("help/file/", views.file_does_not_open, name="file-help"),
]
