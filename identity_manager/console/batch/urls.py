"""URL patterns of batch orders, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.batch import decision_views as decisions
from identity_manager.console.batch import letter_views
from identity_manager.console.batch import placing_views as placing
from identity_manager.console.batch import views as batch_orders

urlpatterns = [
    path("", batch_orders.listing, name="batch-orders"),
    path("kinds/", placing.kinds, name="batch-order-kinds"),
    path("choose/", placing.choose, name="batch-order-choose"),
    path("letters-for-invited/", letter_views.for_invited, name="letters-for-invited"),
    path("new/", placing.new, name="batch-order-new"),
    path("<uuid:pk>/", batch_orders.show, name="batch-order"),
    path("<uuid:pk>/progress/", batch_orders.progress, name="batch-order-progress"),
    path("<uuid:pk>/start/", batch_orders.start, name="batch-order-start"),
    path("<uuid:pk>/confirm/", decisions.confirm, name="batch-order-confirm"),
    path("<uuid:pk>/reject/", decisions.reject, name="batch-order-reject"),
    path("<uuid:pk>/pause/", batch_orders.pause, name="batch-order-pause"),
    path("<uuid:pk>/resume/", batch_orders.resume, name="batch-order-resume"),
    path("<uuid:pk>/cancel/", batch_orders.cancel, name="batch-order-cancel"),
    path("<uuid:pk>/letters/", letter_views.letters, name="batch-order-letters"),
    path("<uuid:pk>/report.csv", batch_orders.report, name="batch-order-report"),
]
