"""URL patterns of **OPEN TASKS**."""

from django.urls import path

from identity_manager.console.open_tasks import views

urlpatterns = [path("open-tasks/", views.open_tasks, name="approvals")]
