"""Browser and operating system names from the User-Agent header, only to recognise one's own sessions."""

from django.utils.translation import gettext as _

# First match wins: each browser also claims to be those below it.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone", "phone"),
    ("iPad", "iPad", "tablet"),
    ("Android", "Android", "phone"),
    ("CrOS", "ChromeOS", "laptop"),
    ("Windows", "Windows", "desktop"),
    ("Mac OS X", "macOS", "laptop"),
    ("Linux", "Linux", "desktop"),
)


def named(user_agent: str) -> tuple[str, str]:
    """Name and icon: "Firefox on Windows"."""
    browser = next((name for sign, name in BROWSERS if sign in user_agent), "")
    system, icon = next(((name, icon) for sign, name, icon in SYSTEMS if sign in user_agent), ("", "browser"))
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}, icon
    return browser or system or _("Another program"), icon
