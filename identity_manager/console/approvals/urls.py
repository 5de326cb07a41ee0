"""URL patterns of decisions on requests."""

from django.urls import path

from identity_manager.console.approvals import views

urlpatterns = [
    path("open-tasks/decisions/", views.several, name="decisions"),
    path("open-tasks/decisions/of/<uuid:pk>/", views.several, name="decisions-of-order"),
    path("open-tasks/decisions/reject/", views.reject_several, name="decisions-reject"),
    path("open-tasks/decisions/postpone/", views.postpone_several, name="decisions-postpone"),
    path("requests/<uuid:pk>/decide/", views.decide, name="request-decide"),
    path("requests/<uuid:pk>/approve/", views.approve, name="request-approve"),
    path("requests/<uuid:pk>/reject/", views.reject, name="request-reject"),
    path("requests/<uuid:pk>/postpone/", views.postpone, name="request-postpone"),
]
