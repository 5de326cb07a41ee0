"""Thunderbird itself, without a screen: a profile that lives for a test, driven by scripts in its windows.

It has one account, of somebody who encrypts all mail and completes addresses by an LDAP directory. The test
does nothing that is Thunderbird's: its windows ask the directory, keep and judge what comes, and encrypt. It
reaches loopback alone: what it would fetch by HTTP goes to a proxy that is not there.
"""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.tools import marionette
from tests.tools import running as programs
from tests.tools.commands import nss_database
from tests.tools.marionette import Marionette

NEEDS = ("thunderbird", "certutil")
DIRECTORY = "ldap_2.servers.corp"
NOWHERE = 9  # the port of a proxy; nobody listens there
START, END = 90, 20  # seconds
SETTINGS: dict[str, str | int | bool] = {
    "mail.accountmanager.accounts": "account1,account2",
    "mail.accountmanager.defaultaccount": "account2",
    "mail.accountmanager.localfoldersserver": "server1",
    "mail.account.account1.server": "server1",
    "mail.server.server1.type": "none",
    "mail.server.server1.hostname": "Local Folders",
    "mail.server.server1.userName": "nobody",
    "mail.account.account2.server": "server2",
    "mail.account.account2.identities": "id1",
    "mail.server.server2.type": "pop3",
    "mail.server.server2.hostname": "127.0.0.1",
    "mail.server.server2.userName": "sender",
    "mail.server.server2.check_new_mail": False,
    "mail.server.server2.login_at_startup": False,
    "mail.identity.id1.fullName": "Sender",
    "mail.identity.id1.useremail": "sender@example.com",
    "mail.identity.id1.valid": True,
    "mail.identity.id1.encryptionpolicy": 2,  # encryption is required
    "mail.identity.id1.fcc": False,
    "mail.identity.id1.smtpServer": "smtp1",
    "mail.smtpservers": "smtp1",
    "mail.smtpserver.smtp1.hostname": "127.0.0.1",
    "mailnews.start_page.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": NOWHERE,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": NOWHERE,
    "ldap_2.autoComplete.useDirectory": True,
    "ldap_2.autoComplete.directoryServer": DIRECTORY,
    f"{DIRECTORY}.description": "Corp",
    "mailnews.ldap.loglevel": "All",
    "devtools.console.stdout.chrome": True,
}
SERVICES = """
    const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
    const identity = MailServices.accounts.getIdentity("id1");
    const certificates = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
    const composing = Services.wm.getMostRecentWindow("msgcompose");
"""
# Its dialog for files of certificates calls the same; 0 says that it went well.
IMPORT = """
    const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
    file.initWithPath(arguments[0]);
    return certificates.importPKCS12File(file, arguments[1]);
"""
HAS = """
    const found = certificates.getCerts().find(each => each.getBase64DERString() == arguments[0]);
"""
OWN = f"""{HAS}
    identity.setUnicharAttribute("encryption_cert_name", found.displayName);
    identity.setCharAttribute("encryption_cert_dbkey", found.dbKey);
"""
WRITE = """
    const make = (what, kind) => Cc[`@mozilla.org/messengercompose/${what};1`].createInstance(kind);
    const params = make("composeparams", Ci.nsIMsgComposeParams);
    params.composeFields = make("composefields", Ci.nsIMsgCompFields);
    [params.composeFields.to, params.composeFields.subject, params.composeFields.body] = arguments;
    [params.identity, params.format] = [identity, Ci.nsIMsgCompFormat.PlainText];
    MailServices.compose.OpenComposeWindowWithParams(null, params);
"""
# The window has sorted all recipients: a valid certificate, or none.
CHECKED = """
    const isReady = composing?.gLoadingComplete && composing.gSMFields;
    const all = isReady ? composing.getEncryptionCompatibleRecipients() : [];
    return all.length && !composing.gCheckEncryptionStateCompletionIsPending && all.every(each =>
        composing.gSMFields.haveValidCertForEmail(each) || composing.gEmailsWithMissingCerts.includes(each));
"""
# As if it had been asked for the password before, and told to remember it.
REMEMBER = """
    const url = Services.io.newURI(arguments[0]);
    const origin = `${url.scheme}://${url.displayHostPort}`;
    const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
    login.init(origin, null, origin + url.pathQueryRef, "", arguments[1], "", "");
    await Services.logins.addLoginAsync(login);
"""
# What the compose window opens for whom it has no certificate.
LOOK_UP = """
    const url = "chrome://messenger-smime/content/certFetchingStatus.xhtml";
    const dialog = window.openDialog(url, "", "chrome,dialog", ...arguments);
    while (!dialog.closed) await new Promise(resolve => setTimeout(resolve, 20));
"""
HELD = """
    const secure = Cc["@mozilla.org/messengercompose/composesecure;1"].createInstance(Ci.nsIMsgComposeSecure);
    return new Promise(resolve => secure.asyncFindCertByEmailAddr(arguments[0], {
        QueryInterface: ChromeUtils.generateQI(["nsIDoneFindCertForEmailCallback"]),
        findCertDone: (_address, found) => resolve(found ? found.getBase64DERString() : ""),
    }));
"""


@dataclass(frozen=True)
class Thunderbird:
    """A Thunderbird that runs."""

    profile: Path
    log: Path
    program: Marionette

    @property
    def version(self) -> str:
        return str(self.program.run("return Services.appinfo.version;"))

    def own(self, content: bytes, passphrase: str, certificate: bytes) -> None:
        """Import the sender's file, and choose the certificate in the account's settings."""
        path = self.profile / "own.p12"
        path.write_bytes(content)
        code = self.program.run(SERVICES + IMPORT, str(path), passphrase)
        assert code == 0, f"Thunderbird does not import the file: {code}"
        self.program.run(SERVICES + OWN, _text(certificate))

    def write(self, to: str, subject: str, letter: str) -> list[str]:
        """Open a window to write in, and say to whom it then says that it cannot encrypt."""
        self.program.run(SERVICES + WRITE, to, subject, letter)
        self.program.until(SERVICES + CHECKED)
        return list(self.program.run(SERVICES + "return composing.gEmailsWithMissingCerts;"))

    @property
    def asked(self) -> list[str]:
        """For whom the window asked the directory, by itself."""
        return list(self.program.run(SERVICES + "return [...composing.gSMCertsAlreadyLookedUpInLDAP];"))

    def look_up(self, *addresses: str) -> None:
        """Ask the directory, without a message, by the dialog that does it."""
        self.program.run(LOOK_UP, DIRECTORY, addresses)

    @property
    def got_an_entry(self) -> bool:
        """Whether the directory has ever answered with one."""
        return "SearchResultEntry" in self.log.read_text("utf-8", "replace")

    def has(self, certificate: bytes) -> bool:
        """Whether its database has the certificate, be it of use or not."""
        return bool(self.program.run(SERVICES + HAS + "return Boolean(found);", _text(certificate)))

    def certificate_for(self, address: str) -> bytes:
        """The certificate with which it would encrypt; nothing where it has none."""
        return base64.b64decode(self.program.run(SERVICES + HELD, address))

    def send_later(self) -> bytes:
        """The message, as it lies in the Outbox."""
        self.program.run(SERVICES + 'composing.goDoCommand("cmd_sendLater");')
        self.program.until(SERVICES + "return !composing;")
        box = self.profile / "Mail" / "Local Folders" / "Unsent Messages"
        _line, _newline, message = box.read_bytes().partition(b"\n")
        return message


@dataclass(frozen=True)
class Account:
    """With which the directory is asked."""

    dn: str
    password: str


@contextmanager
def running(
    home: Path, *, directory: str, roots: tuple[bytes, ...], account: Account | None = None
) -> Iterator[Thunderbird]:
    """Start it with this directory (an address by RFC 4516) and these trusted roots; end it with the test."""
    profile = home / "profile"
    profile.mkdir(parents=True)
    settings = SETTINGS | {f"{DIRECTORY}.uri": directory}
    if account:
        settings[f"{DIRECTORY}.auth.dn"] = account.dn
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in settings.items()]
    (profile / "user.js").write_text("\n".join([marionette.PORT, *lines, ""]), encoding="utf-8")
    nss_database(profile, *roots)
    log, sign = home / "log", profile / "MarionetteActivePort"
    with (
        programs.running(
            ["thunderbird", "--headless", *marionette.OPTIONS, "--no-remote", "--profile", str(profile)],
            log=log,
            up=lambda: sign.exists() and sign.read_text(encoding="ascii"),
            within=START,
            end_within=END,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"},
        ),
        closing(Marionette(profile)) as program,
    ):
        if account:
            program.run(REMEMBER, directory, account.password)
        yield Thunderbird(profile, log, program)


def _text(certificate: bytes) -> str:
    return base64.b64encode(certificate).decode("ascii")
