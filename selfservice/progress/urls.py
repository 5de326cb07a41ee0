"""URL patterns of a request that is carried out, included into those of Self-Service."""

from django.urls import path

from selfservice.progress import views

urlpatterns = [
    path("requests/<uuid:request_id>/progress/", views.progress, name="progress"),
    path("requests/<uuid:request_id>/progress/lines/", views.progress_lines, name="progress-lines"),
]
