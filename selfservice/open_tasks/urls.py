"""URL patterns of **Open Tasks**, included into those of Self-Service."""

from django.urls import path

from selfservice.open_tasks import views

urlpatterns = [
    path("open-tasks/", views.open_tasks, name="open-tasks"),
]
