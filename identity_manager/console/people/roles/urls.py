"""URL patterns of roles, officers and approver groups."""

from django.urls import path

from identity_manager.console.people.roles import role_views

urlpatterns = [
    path("persons/<uuid:pk>/who-may/", role_views.who_may, name="person-who-may"),
    path("persons/<uuid:pk>/roles/", role_views.of_person, name="person-roles"),
    path(
        "persons/<uuid:pk>/roles/<uuid:assignment_id>/withdraw/",
        role_views.withdraw,
        name="person-role-withdraw",
    ),
]
