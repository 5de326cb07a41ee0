"""The addresses of Self-Service, below /my/."""

from django.urls import path

from selfservice.views import (
    certificates,
    dashboard,
    file_help,
    files,
    open_tasks,
    passphrases,
    progress,
    recovery,
    renewal,
    request_token,
    requests,
    revocation,
    terms,
    terms_again,
)

app_name = "selfservice"
urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("open-tasks/", open_tasks.open_tasks, name="open-tasks"),
    path("request/", request_token.request_softtoken, name="request-softtoken"),
    path("requests/", requests.requests, name="requests"),
    path("requests/<uuid:request_id>/withdraw/", requests.withdraw, name="withdraw"),
    path("requests/<uuid:request_id>/again/", request_token.ask_again, name="ask-again"),
    path("requests/<uuid:request_id>/terms/", terms.terms, name="terms"),
    path("requests/<uuid:request_id>/terms/<uuid:text_id>.txt", terms.terms_text, name="terms-text"),
    path("requests/<uuid:request_id>/decline/", terms.decline, name="decline"),
    path("requests/<uuid:request_id>/progress/", progress.progress, name="progress"),
    path("requests/<uuid:request_id>/progress/lines/", progress.progress_lines, name="progress-lines"),
    path("terms/<uuid:notice_id>/", terms_again.terms_again, name="terms-again"),
    path("terms/<uuid:notice_id>/<uuid:text_id>.txt", terms_again.terms_again_text, name="terms-again-text"),
    path("tokens/<uuid:token_id>/passphrase/", passphrases.passphrase, name="passphrase"),
    path("tokens/<uuid:token_id>/acknowledge/", passphrases.acknowledge, name="acknowledge"),
    path("renewals/", renewal.renewals, name="renewals"),
    path("tokens/<uuid:token_id>/renew/", renewal.renew, name="renew"),
    path("tokens/<uuid:token_id>/not-needed/", renewal.not_needed, name="not-needed"),
    path("recover/", recovery.recover, name="recover"),
    path("recoveries/<uuid:recovery_id>/consent/", recovery.consent, name="recovery-consent"),
    path("help/passphrase/", recovery.forgotten_passphrase, name="forgotten-passphrase"),
    path("help/new-device/", recovery.new_device, name="new-device"),
    path("help/file/", file_help.file_does_not_open, name="file-help"),
    path("certificates/", certificates.certificates, name="certificates"),
    path("certificates/revoke-all/", revocation.revoke_all, name="revoke-all"),
    path("certificates/<uuid:token_id>/", certificates.token, name="token"),
    path("certificates/<uuid:token_id>/lock/", revocation.lock, name="lock"),
    path("certificates/<uuid:token_id>/send-again/", certificates.send_again, name="send-again"),
    path("certificates/<uuid:token_id>/files/", files.files, name="files"),
    path("certificate-files/<uuid:certificate_id>-chain.pem", certificates.chain, name="chain"),
    path(
        "certificate-files/<uuid:certificate_id>.<str:encoding>",
        certificates.certificate_file,
        name="certificate-file",
    ),
]
