"""URL patterns of Identity Manager. Each view fetches what it shows through console.access: default-deny."""

from django.urls import include, path

from identity_manager.console.approvals import views as approvals
from identity_manager.console.certificates import by_key_views, found_at_cas_views
from identity_manager.console.directory import urls as directory
from identity_manager.console.enable import views as enable
from identity_manager.console.outbox import views as outbox
from identity_manager.console.people import revoke_all_views
from identity_manager.console.people import views as persons
from identity_manager.console.people.roles import role_views
from identity_manager.console.process import views as process
from identity_manager.console.renewal import views as renewal
from identity_manager.console.requests import manual_revocation_views, parked_order_views, token_views
from identity_manager.console.requests import views as requests
from identity_manager.console.search import views as search
from identity_manager.console.start import views as start
from identity_manager.console.terms import views as terms

app_name = "console"
urlpatterns = [
    path("", start.start, name="start"),
    path("search/", search.search, name="search"),
    path("", include("identity_manager.console.search.urls")),
    path("persons/<uuid:pk>/", persons.person, name="person"),
    path("persons/<uuid:pk>/enable/", enable.enable, name="enable"),
    path("persons/<uuid:pk>/revoke-all/", revoke_all_views.revoke_all, name="person-revoke-all"),
    path("persons/<uuid:pk>/who-may/", role_views.who_may, name="person-who-may"),
    path("persons/<uuid:pk>/roles/", role_views.of_person, name="person-roles"),
    path(
        "persons/<uuid:pk>/roles/<uuid:assignment_id>/withdraw/",
        role_views.withdraw,
        name="person-role-withdraw",
    ),
    path("", include("identity_manager.console.people.urls")),
    path("", include("identity_manager.console.recertification.urls")),
    path("", include(directory.of_persons)),
    path("open-tasks/", approvals.queue, name="approvals"),
    path("open-tasks/decisions/", approvals.several, name="decisions"),
    path("open-tasks/decisions/of/<uuid:pk>/", approvals.several, name="decisions-of-order"),
    path("open-tasks/decisions/reject/", approvals.reject_several, name="decisions-reject"),
    path("open-tasks/decisions/postpone/", approvals.postpone_several, name="decisions-postpone"),
    path("renewals/", renewal.forecast, name="renewals"),
    path("reports/", include("identity_manager.console.reports.urls")),
    path("terms/acceptances/", terms.accepted, name="terms-acceptances"),
    path("terms/acceptances/export/", terms.export, name="terms-acceptances-export"),
    path("holder-changes/<uuid:pk>/", renewal.holder_change, name="holder-change"),
    path("", include("identity_manager.console.help.urls")),
    path("", include("identity_manager.console.delivery.urls")),
    path("process/", process.show, name="process"),
    path("process/<slug:original>.bpmn", process.file, name="process-file"),
    path("requests/", requests.listing, name="requests"),
    path("requests/<uuid:pk>/", requests.show, name="request"),
    path("requests/<uuid:pk>/decide/", approvals.decide, name="request-decide"),
    path("requests/<uuid:pk>/approve/", approvals.approve, name="request-approve"),
    path("requests/<uuid:pk>/reject/", approvals.reject, name="request-reject"),
    path("requests/<uuid:pk>/postpone/", approvals.postpone, name="request-postpone"),
    path("requests/<uuid:pk>/cancel/", requests.cancel, name="request-cancel"),
    path("requests/<uuid:pk>/remind/", requests.remind, name="request-remind"),
    path("requests/<uuid:pk>/remind-approvers/", requests.remind_approvers, name="request-remind-approvers"),
    path("requests/<uuid:pk>/retry/", requests.retry, name="request-retry"),
    path("requests/<uuid:pk>/give-rest/", requests.issue_remaining, name="request-give-rest"),
    path("requests/<uuid:pk>/revoke-rest/", requests.revoke_all, name="request-revoke-rest"),
    path("requests/<uuid:pk>/send-round-again/", requests.send_round_again, name="request-send-round-again"),
    path("requests/<uuid:pk>/retry-now/", requests.retry_now, name="request-retry-now"),
    path("certificates/<uuid:pk>/ask-again/", parked_order_views.ask_again, name="certificate-ask-again"),
    path("certificates/<uuid:pk>/give-up/", parked_order_views.give_up, name="certificate-give-up"),
    path("certificates/by-key/", by_key_views.choose, name="revoke-by-key"),
    path("certificates/by-key/<slug:public_key>/", by_key_views.revoke, name="revoke-key"),
    path("certificates/<uuid:pk>/by-key/", by_key_views.of_certificate, name="certificate-revoke-key"),
    path(
        "certificates/<uuid:pk>/revoked-by-hand/",
        manual_revocation_views.done,
        name="certificate-revoked-by-hand",
    ),
    path(
        "surplus/<uuid:pk>/revoked-by-hand/",
        manual_revocation_views.surplus_done,
        name="surplus-revoked-by-hand",
    ),
    path("found-at-authorities/<uuid:pk>/adopt/", found_at_cas_views.adopt, name="found-adopt"),
    path("found-at-authorities/<uuid:pk>/revoke/", found_at_cas_views.revoke, name="found-revoke"),
    path("found-at-authorities/<uuid:pk>/leave/", found_at_cas_views.leave, name="found-leave"),
    path("found-at-authorities/<uuid:pk>/revoked-by-hand/", found_at_cas_views.by_hand, name="found-by-hand"),
    path("tokens/<uuid:pk>/revoke/", token_views.revoke, name="token-revoke"),
    path("tokens/<uuid:pk>/hold/", token_views.put_on_hold, name="token-hold"),
    path("tokens/<uuid:pk>/reinstate/", token_views.reinstate, name="token-reinstate"),
    path("tokens/<uuid:pk>/send-again/", token_views.send_again, name="token-send-again"),
    path("", include("identity_manager.console.archive.urls")),
    path("", include("identity_manager.console.token_imports.urls")),
    path("", include("identity_manager.console.recovery.urls")),
    path("batch-orders/", include("identity_manager.console.batch.urls")),
    path("standing-orders/", include("identity_manager.console.standing_orders.urls")),
    path("groups/", include("identity_manager.console.groups.urls")),
    path("mails/", outbox.listing, name="outbox"),
    path("mails/retry/", outbox.retry_many, name="mails-retry"),
    path("mails/discard/", outbox.discard_many, name="mails-discard"),
    path("mails/<uuid:pk>/", outbox.show, name="mail"),
    path("mails/<uuid:pk>/html/", outbox.html, name="mail-html"),
    path("mails/<uuid:pk>/retry/", outbox.retry, name="mail-retry"),
    path("", include("identity_manager.console.audit.urls")),
    path("mails/<uuid:pk>/came-back/", outbox.report_bounce, name="mail-came-back"),
    path("mails/<uuid:pk>/discard/", outbox.discard, name="mail-discard"),
    path("admin/", include("identity_manager.console.administration.urls")),
]
