"""Rate limits in django-allauth's syntax: AMOUNT/TIME/PER, several separated by commas.

ip: the client's network (IPv6: /64). key: the key that the calling code passes.
"""

RATES = {
    "login": "60/m/ip",
    # Wrong passwords and codes (account.rate_limit): per known device; per network; per name and network
    # (and more of them where a second factor stands behind); of a name from everywhere.
    "failed_device": "5/15m/key",
    "failed_network": "20/m/ip",
    "failed_password_here": "5/15m/key",
    "failed_password_here_at_most": "25/15m/key",
    "failed_password_anywhere": "30/15m/key",
    # Six digits: of all codes from everywhere few are tried in a day.
    "failed_code_here": "5/15m/key",
    "failed_code_anywhere": "10/h/key",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
    "first_sign_in": "20/m/ip,10/15m/key",
    "back_channel_logout": "600/m/ip",
    "api_failed": "60/m/ip",
    "mail_webhook": "600/m/ip",
}
