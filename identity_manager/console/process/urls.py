"""URL patterns of the picture of the process."""

from django.urls import path

from identity_manager.console.process import views

urlpatterns = [
    path("", views.show, name="process"),
    path("<slug:original>.bpmn", views.file, name="process-file"),
]
