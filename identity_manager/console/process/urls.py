"""URL patterns of the picture of the process."""

from django.urls import path

from identity_manager.console.process import views

urlpatterns = [
    path("process/", views.show, name="process"),
    path("process/<slug:original>.bpmn", views.file, name="process-file"),
]
