"""URL patterns of standing orders."""

from django.urls import path

from identity_manager.console.standing_orders import views

urlpatterns = [
    path("", views.listing, name="standing-orders"),
    path("make/", views.make, name="standing-order-make"),
    path("<uuid:pk>/", views.show, name="standing-order"),
    path("<uuid:pk>/put-in-force/", views.put_in_force, name="standing-order-put-in-force"),
    path("<uuid:pk>/reject/", views.reject, name="standing-order-reject"),
    path("<uuid:pk>/pause/", views.pause, name="standing-order-pause"),
    path("<uuid:pk>/resume/", views.resume, name="standing-order-resume"),
    path("<uuid:pk>/ask-again/", views.ask_again, name="standing-order-ask-again"),
    path("<uuid:pk>/end/", views.end, name="standing-order-end"),
]
