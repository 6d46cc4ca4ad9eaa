"""A file and an environment become settings, or one line for each thing to mend."""

import os
from collections.abc import Iterator
from pathlib import Path
from traceback import format_exception

import pytest
from pydantic import ValidationError

from ingest import configuration
from ingest.configuration import ConfigurationError, find_file, load
from ingest.settings import AcceptSettings, ImapSettings, MaildirSettings, Settings
from ingest.settings.oauth import GenericSettings, Microsoft365Settings

IMAP = """
[[mailbox]]
host = "imap.example.org"
user = "dmarc@example.org"
password = "s3cret"
"""
MAILDIR = """
[[mailbox]]
kind = "maildir"
path = "/var/mail/dmarc"
"""
OAUTH = """
[[mailbox]]
host = "imap.example.org"
user = "dmarc@example.org"
[mailbox.oauth]
"""
CLIENT = """
[mailbox.oauth]
provider = "generic"
token_url = "https://login.example.org/token/"
client_id = "ruamill"
client_secret = "s3cret"
"""
SECTIONS = "database, workers, domains, accept, mailbox, enrich, schedule, retention, monitor, smtp, summary, alerts, web, log, limits"
MICROSOFT = 'provider = "microsoft365"\ntenant = "example.org"\nclient_id = "1"\n'
SERVER = (
    'the word before the first semicolon of your server\'s Authentication-Results fields, or "microsoft365"'
)


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(configuration, "PLACES", configuration.PLACES[:1])


def read(toml: str, **environment: str) -> Settings:
    Path("ruamill.toml").write_text(toml, encoding="utf-8")
    return load(environment=environment)


def complaints(toml: str, **environment: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(toml, **environment)
    return str(caught.value).splitlines()


def imap(toml: str, **environment: str) -> ImapSettings:
    (box,) = read(toml, **environment).mailbox
    assert isinstance(box, ImapSettings)
    return box


# -- what comes out


def test_without_any_configuration_there_is_a_database_and_no_mailbox() -> None:
    loaded = load(environment={})
    assert loaded.database.get_secret_value() == "sqlite:///ruamill.db"
    assert loaded.mailbox == ()


def test_a_file_is_read() -> None:
    toml = 'database = "sqlite:///x.db"\n[schedule]\npoll_seconds = 60\n[log]\nlevel = "debug"\n[limits]\nrecords = 9\n'
    loaded = read(toml + IMAP + MAILDIR)
    assert loaded.database.get_secret_value() == "sqlite:///x.db"
    assert (loaded.schedule.poll_seconds, loaded.log.level, loaded.limits.records) == (60, "debug", 9)
    assert [type(box) for box in loaded.mailbox] == [ImapSettings, MaildirSettings]
    assert [box.name for box in loaded.mailbox] == ["dmarc@example.org", "/var/mail/dmarc"]


@pytest.mark.parametrize(
    ("more", "port"), [("", 993), ('tls = "starttls"', 143), ('tls = "none"', 143), ("port = 1993", 1993)]
)
def test_the_port_follows_from_the_encryption(more: str, port: int) -> None:
    assert imap(IMAP + more).effective_port == port


def test_the_environment_overrides_the_file() -> None:
    toml = 'database = "sqlite:///x.db"\n' + IMAP + MAILDIR
    environment = {
        "RUAMILL_DATABASE": "sqlite:///y.db",
        "RUAMILL_LIMITS__RECORDS": "7",
        "RUAMILL_MAILBOX__0__PORT": "1993",
        "RUAMILL_MAILBOX__0__CA_FILE": "/etc/ca.pem",
        "RUAMILL_MAILBOX__1__NAME": "local",
        "PATH": "/bin",
    }
    loaded = read(toml, **environment)
    first, second = loaded.mailbox
    assert isinstance(first, ImapSettings)
    assert loaded.database.get_secret_value() == "sqlite:///y.db"
    assert loaded.limits.records == 7
    assert (first.host, first.port, first.ca_file) == ("imap.example.org", 1993, Path("/etc/ca.pem"))
    assert second.name == "local"


def test_the_environment_alone_can_make_mailboxes_even_more_than_ten() -> None:
    keys = ("HOST", "USER", "PASSWORD")
    environment = {f"RUAMILL_MAILBOX__{number}__{key}": f"{number}" for number in range(12) for key in keys}
    loaded = load(environment=environment)
    assert [box.name for box in loaded.mailbox] == [str(number) for number in range(12)]


def test_the_environment_can_add_a_mailbox_to_those_of_the_file() -> None:
    loaded = read(IMAP, RUAMILL_MAILBOX__1__KIND="maildir", RUAMILL_MAILBOX__1__PATH="/var/mail/dmarc")
    assert [type(box) for box in loaded.mailbox] == [ImapSettings, MaildirSettings]


def test_our_domains_are_brought_to_one_form() -> None:
    loaded = read('domains = ["Example.ORG.", " inselpost.example ", "bücher.example"]')
    assert tuple(loaded.domains) == ("example.org", "inselpost.example", "xn--bcher-kva.example")
    assert tuple(read('domains = "Example.org"').domains) == ("example.org",)
    assert read("").domains == {}


def test_what_is_accepted_can_be_set() -> None:
    loaded = read(
        'domains = "example.org"\n[accept]\ntrusted_authserv_id = "MX.example.org"\n'
        'unauthenticated = "refuse"\nforeign = "refuse"\nfailure_headers = "none"\n'
    )
    assert loaded.accept == AcceptSettings(
        trusted_authserv_id=("mx.example.org",),
        unauthenticated="refuse",
        foreign="refuse",
        failure_headers="none",
    )
    several = read('[accept]\ntrusted_authserv_id = ["mx.example.org", "microsoft365"]')
    assert several.accept.trusted_authserv_id == ("mx.example.org", "microsoft365")
    assert read("").accept == AcceptSettings()


def test_a_mail_address_has_its_domain_in_a_labels() -> None:
    summary = {"recipients": ["postmaster@bücher.example", " a.b+c@EXAMPLE.org "]}
    found = Settings.model_validate({"summary": summary}).summary.recipients
    assert found == ("postmaster@xn--bcher-kva.example", "a.b+c@EXAMPLE.org")


@pytest.mark.parametrize(
    "address", ["postmaster", "@example.org", "a@", "a@example..org", "a b@example.org", "a@<b>"]
)
def test_what_is_no_mail_address_is_told(address: str) -> None:
    with pytest.raises(ValidationError, match="must be a mail address such as"):
        Settings.model_validate({"summary": {"recipients": address}})


def test_the_environment_overrides_lists_by_number() -> None:
    toml = 'domains = ["example.org", "example.net"]\n[accept]\ntrusted_authserv_id = "mx.example.org"\n'
    environment = {
        "RUAMILL_DOMAINS__1": "inselpost.example",
        "RUAMILL_DOMAINS__2": "nordfrucht.example",
        "RUAMILL_ACCEPT__TRUSTED_AUTHSERV_ID__0": "microsoft365",
        "RUAMILL_ACCEPT__UNAUTHENTICATED": "refuse",
    }
    loaded = read(toml, **environment)
    assert tuple(loaded.domains) == ("example.org", "inselpost.example", "nordfrucht.example")
    assert loaded.accept.trusted_authserv_id == ("microsoft365",)
    assert loaded.accept.unauthenticated == "refuse"
    assert tuple(read(toml, RUAMILL_DOMAINS="inselpost.example").domains) == ("inselpost.example",)


def test_a_secret_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret \n")
    (tmp_path / "url").write_text("postgresql://u:p@db/reports\r\n")
    environment = {
        "RUAMILL_MAILBOX__0__PASSWORD_FILE": f"{tmp_path}/password",
        "RUAMILL_DATABASE_FILE": f"{tmp_path}/url",
    }
    loaded = read(IMAP.replace("s3cret", "other"), **environment)
    (box,) = loaded.mailbox
    assert isinstance(box, ImapSettings)
    found = (box.password_text, loaded.database.get_secret_value())
    assert found == ("s3cret ", "postgresql://u:p@db/reports")


def test_another_database_can_be_put_in() -> None:
    changed = read(IMAP).with_database("sqlite:///other.db")
    assert changed.database.get_secret_value() == "sqlite:///other.db"
    assert len(changed.mailbox) == 1


def test_secrets_are_never_shown() -> None:
    loaded = read('database = "postgresql://u:s3cret@db/reports"\n' + IMAP)
    assert "s3cret" not in f"{loaded} {loaded!r} {loaded.mailbox!r}"


@pytest.mark.parametrize(
    ("lines", "host"),
    [
        (MICROSOFT + 'certificate_file = "/etc/ruamill/m365.pem"', "outlook.office365.com"),
        ('provider = "google"\nservice_account_file = "/etc/ruamill/google.json"', "imap.gmail.com"),
        ('provider = "google"\nclient_id = "1"\nclient_secret = "2"\nrefresh_token = "3"', "imap.gmail.com"),
        (
            'provider = "google"\nclient_id = "1"\nclient_secret = "2"\nrefresh_token_file = "3"',
            "imap.gmail.com",
        ),
    ],
)
def test_a_provider_brings_its_host(lines: str, host: str) -> None:
    box = imap(OAUTH.replace("host", "# host") + lines)
    assert (box.host, box.name, box.password_text) == (host, "dmarc@example.org", "")


def test_the_environment_reaches_into_tables_of_a_mailbox(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    environment = {
        "RUAMILL_MAILBOX__0__OAUTH__CLIENT_SECRET_FILE": f"{tmp_path}/secret",
        "RUAMILL_MAILBOX__0__OAUTH__CLIENT_ID": "2",
    }
    oauth = imap(OAUTH + MICROSOFT, **environment).oauth
    assert isinstance(oauth, Microsoft365Settings)
    assert oauth.client_secret
    found = (oauth.client_id, oauth.client_secret.get_secret_value(), oauth.token_url)
    assert found == ("2", "s3cret", "https://login.microsoftonline.com/example.org/oauth2/v2.0/token")


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        (MICROSOFT, "certificate_file"),
        (MICROSOFT + 'certificate_file = "x"', "ca_file"),
        ('provider = "google"', "service_account_file"),
        ('provider = "google"\nclient_id = "1"\nclient_secret = "2"', "refresh_token_file"),
    ],
)
def test_a_file_that_is_named_by_a_variable_stays_a_file(lines: str, key: str) -> None:
    oauth = imap(OAUTH + lines, **{f"RUAMILL_MAILBOX__0__OAUTH__{key.upper()}": "/etc/ruamill/file"}).oauth
    assert getattr(oauth, key) == Path("/etc/ruamill/file")


# -- where the file is


def test_the_file_is_named_by_the_option_then_by_the_environment_then_looked_for(tmp_path: Path) -> None:
    for name in ("option", "variable", "ruamill"):
        (tmp_path / f"{name}.toml").write_text(f'database = "sqlite:///{name}.db"\n')
    environment = {"RUAMILL_CONFIG": "variable.toml"}
    found = [load(Path("option.toml"), environment), load(None, environment), load(None, {})]
    assert [loaded.database.get_secret_value() for loaded in found] == [
        "sqlite:///option.db",
        "sqlite:///variable.db",
        "sqlite:///ruamill.db",
    ]


@pytest.mark.parametrize(
    ("option", "environment"), [(Path("no.toml"), {}), (None, {"RUAMILL_CONFIG": "no.toml"}), (Path(), {})]
)
def test_a_file_that_was_named_must_be_there(option: Path | None, environment: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="there is no such file; check --config and RUAMILL_CONFIG"):
        load(option, environment)


# -- what is wrong


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        ('databse = "x"', 'databse is no known key; did you mean "database"?'),
        ("[shedule]", 'shedule is no known key; did you mean "schedule"?'),
        (
            "xyz = 1",
            f"xyz is no known key; known here: {SECTIONS}",
        ),
        (
            "[schedule]\npoll_minutes = 1",
            'schedule.poll_minutes is no known key; did you mean "poll_seconds"?',
        ),
        ('[log]\nfromat = "json"', 'log.fromat is no known key; did you mean "format"?'),
        ("[limits]\nrecrods = 1", 'limits.recrods is no known key; did you mean "records"?'),
        (IMAP + "hots = 1", 'mailbox.0.hots is no known key; did you mean "host"?'),
        (
            IMAP + MAILDIR + "proccessed = 1",
            'mailbox.1.proccessed is no known key; did you mean "processed"?',
        ),
        (
            IMAP + 'path = "/x"',
            'mailbox.0.path is no key of this kind of mailbox; it goes with kind = "maildir"',
        ),
        (
            MAILDIR + 'password = "s3cret"',
            'mailbox.0.password is no key of this kind of mailbox; it goes with kind = "imap"',
        ),
        (IMAP.replace("user", "# user"), "mailbox.0.user is missing"),
        (MAILDIR.replace("path", "# path"), "mailbox.0.path is missing"),
        ("database = 5", "database must be text in quotes"),
        (IMAP + 'port = "imaps"', "mailbox.0.port must be a whole number"),
        (IMAP + "port = 993.5", "mailbox.0.port must be a whole number"),
        (IMAP + "port = 65536", "mailbox.0.port must be less than or equal to 65535"),
        (IMAP + "read_timeout = 0", "mailbox.0.read_timeout must be greater than 0"),
        (IMAP + "ca_file = true", "mailbox.0.ca_file must be a path in quotes"),
        (IMAP + 'idle = "perhaps"', "mailbox.0.idle must be true or false"),
        (IMAP + "subfolders = 3", "mailbox.0.subfolders must be true or false"),
        (IMAP + "folders = []", "mailbox.0.folders must name a folder at least"),
        (IMAP + 'folder = "Reports"', 'mailbox.0.folder is no known key; did you mean "folders"?'),
        (
            IMAP.replace("password", "# password"),
            "mailbox.0 needs a password or a table [mailbox.oauth], one of the two",
        ),
        (
            IMAP + CLIENT,
            "mailbox.0 needs a password or a table [mailbox.oauth], one of the two",
        ),
        ('[schedule]\npoll_seconds = "5m"', "schedule.poll_seconds must be a number"),
        ('[log]\nlevel = "loud"', "log.level must be 'debug', 'info', 'warning' or 'error'"),
        (IMAP + 'after = "delete"', "mailbox.0.after must be 'move', 'flag' or 'leave'"),
        ('[[mailbox]]\nkind = "pop3"', "mailbox.0.kind must be 'imap' or 'maildir'"),
        (
            IMAP.replace("[[mailbox]]", "[mailbox]"),
            "mailbox must be tables: write [[mailbox]] above the keys of each (RUAMILL_MAILBOX__0__HOST and so on)",
        ),
        ("limits = 5", "limits must be a table: write [limits] above its keys"),
        ("log = 5", "log must be a table: write [log] above its keys"),
        ("smtp = 5", "smtp must be a table: write [smtp] above its keys"),
        ("[imap]", 'imap is no known key; did you mean "smtp"?'),
        (
            '[smtp]\nhost = "x"\nsender = "a@b"\nsendr = "x"',
            'smtp.sendr is no known key; did you mean "sender"?',
        ),
        ("[monitor]\nprot = 1", 'monitor.prot is no known key; did you mean "port"?'),
        ('[retention]\nkeep = "for ever"', 'retention.keep must be a number of days such as "400d"'),
        ('[retention]\nat = "noon"', 'retention.at must be a time of day such as "03:30"'),
        (IMAP + IMAP, 'two mailboxes are called "dmarc@example.org": give each a name of its own'),
        ("accept = 5", "accept must be a table: write [accept] above its keys"),
        ('[accept]\nforeing = "refuse"', 'accept.foreing is no known key; did you mean "foreign"?'),
        ('[accept]\nforeign = "ignore"', "accept.foreign must be 'store' or 'refuse'"),
        (
            '[accept]\nfailure_headers = "yes"',
            "accept.failure_headers must be 'redacted', 'none' or 'full'",
        ),
        (
            '[accept]\nunauthenticated = "refuse"',
            f'accept needs trusted_authserv_id for unauthenticated = "refuse": name {SERVER}',
        ),
        (
            '[accept]\ntrusted_authserv_id = "mx.example.org; spf=pass"',
            f"accept.trusted_authserv_id.0 must be {SERVER}",
        ),
        (
            "[accept]\ntrusted_authserv_id = true",
            "accept.trusted_authserv_id must be text in quotes, or a list of such",
        ),
        ("domains = 5", "domains must be text in quotes, or a list of such"),
        ("domains = [5]", "domains.0 must be text in quotes"),
        (
            'domains = ["example.org", "*.example.org"]',
            "domains.1 must be a domain name such as example.org; those below it are included",
        ),
        (
            '[accept]\nforeign = "refuse"',
            'accept.foreign = "refuse" needs domains: name your own, such as domains = ["example.org"]',
        ),
        ("log = 5\ndatabase = x", "Invalid value (at line 2, column 12)"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(toml: str, complaint: str) -> None:
    assert complaints(toml) == [f"ruamill.toml: {complaint}"]


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("", ".provider must be 'microsoft365', 'google' or 'generic'"),
        ('provider = "gogle"', ".provider must be 'microsoft365', 'google' or 'generic'"),
        ("provider = 5", ".provider must be 'microsoft365', 'google' or 'generic'"),
        (
            MICROSOFT + 'client_secret = "1"\nclient_secrte = "1"',
            '.client_secrte is no known key; did you mean "client_secret"?',
        ),
        (
            MICROSOFT + 'client_secret = "1"\nrefresh_token = "1"',
            '.refresh_token is no key of this provider; it goes with provider = "google"',
        ),
        (
            'provider = "google"\nservice_account_file = "x"\ntenant = "1"',
            '.tenant is no key of this provider; it goes with provider = "microsoft365"',
        ),
        (MICROSOFT.replace("tenant", "# tenant") + 'client_secret = "1"', ".tenant is missing"),
        (MICROSOFT, " needs client_secret or certificate_file, one of the two"),
        (
            MICROSOFT + 'client_secret = "1"\ncertificate_file = "x"',
            " needs client_secret or certificate_file, one of the two",
        ),
        (
            MICROSOFT + 'client_secret = "1"\nmechanism = "PLAIN"',
            ".mechanism must be 'auto', 'XOAUTH2' or 'OAUTHBEARER'",
        ),
        (
            MICROSOFT + 'client_secret = "1"\nauthority = "login.microsoftonline.us"',
            ".authority must be an address that begins with https://",
        ),
        (
            'provider = "google"\nclient_id = "1"',
            " needs service_account_file, or else client_id, client_secret and refresh_token together",
        ),
        (
            'provider = "google"\nclient_id = "1"\nservice_account_file = "x"',
            " needs service_account_file, or else client_id, client_secret and refresh_token together",
        ),
        (
            'provider = "generic"\nclient_id = "1"\ntoken_url = "https://x/"',
            " needs client_secret, refresh_token, or both",
        ),
        (
            'provider = "generic"\nclient_id = "1"\ntoken_url = "https://x/"\nrefresh_token = "1"\nrefresh_token_file = "x"',
            " needs refresh_token or refresh_token_file, one of the two",
        ),
        (
            'provider = "generic"\nclient_id = "1"\nclient_secret = "1"\ntoken_url = "http://login.example.org/"',
            ".token_url must be an address that begins with https://",
        ),
    ],
)
def test_what_is_wrong_in_a_table_of_a_mailbox_is_told_in_one_line(lines: str, complaint: str) -> None:
    assert complaints(OAUTH + lines) == [f"ruamill.toml: mailbox.0.oauth{complaint}"]


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example.org/token/",
        "http://localhost:9/token",
        "http://127.0.0.1/token",
        "http://[::1]:9/token",
    ],
)
def test_a_secret_goes_by_https_or_to_this_machine(url: str) -> None:
    oauth = imap(
        IMAP.replace("password", "# password") + CLIENT, RUAMILL_MAILBOX__0__OAUTH__TOKEN_URL=url
    ).oauth
    assert isinstance(oauth, GenericSettings)
    assert oauth.token_url == url


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert complaints('[[mailbox]]\nhost = "x"\n[log]\nlevel = "loud"', RUAMILL_LOG__FROMAT="json") == [
        "ruamill.toml: mailbox.0.user is missing",
        "ruamill.toml: log.level must be 'debug', 'info', 'warning' or 'error'",
        'RUAMILL_LOG__FROMAT: log.fromat is no known key; did you mean "format"?',
    ]


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("RUAMILL_DATABSE", "x", 'databse is no known key; did you mean "database"?'),
        ("RUAMILL_LOG__LEVEL", "loud", "log.level must be 'debug', 'info', 'warning' or 'error'"),
        ("RUAMILL_MAILBOX__0__PORT", "imaps", "mailbox.0.port must be a whole number"),
        ("RUAMILL_MAILBOX__2__HOST", "x", "there is no number 1 before 2: count from 0"),
        ("RUAMILL_LOG", "debug", "log must be a table: write [log] above its keys"),
        (
            "RUAMILL_MAILBOX__0__OAUTH__PROVIDER",
            "x",
            "mailbox.0.oauth.provider must be 'microsoft365', 'google' or 'generic'",
        ),
        (
            "RUAMILL_MAILBOX__0__OAUTH",
            "x",
            "mailbox.0.oauth must be a table: write [mailbox.oauth] above its keys",
        ),
        ("RUAMILL_DOMAINS__1", "x", "there is no number 0 before 1: count from 0"),
        ("RUAMILL_DOMAINS__X", "x", "domains.x must be a table: write [domains.x] above its keys"),
        (
            "RUAMILL_DOMAINS__0",
            "dmarc@example.org",
            "domains.0 must be a domain name such as example.org; those below it are included",
        ),
        ("RUAMILL_DATABASE__URL", "x", "database must be text in quotes"),
        (
            "RUAMILL_DATABASE_FILE",
            "no.txt",
            "the file that it names cannot be read: No such file or directory",
        ),
        ("RUAMILL_DATABASE_FILE", "latin.txt", "the file that it names cannot be read: it is no UTF-8 text"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, complaint: str) -> None:
    Path("latin.txt").write_bytes(b"\xff")
    assert complaints(IMAP, **{variable: value}) == [f"{variable}: {complaint}"]


def test_a_variable_is_not_blamed_for_what_others_lack() -> None:
    (complaint,) = complaints(IMAP.replace("password", "# password"), RUAMILL_MAILBOX__0__PORT="143")
    assert complaint.startswith("ruamill.toml: mailbox.0 needs a password")


def test_a_mailbox_of_the_environment_must_be_numbered() -> None:
    (complaint,) = complaints(IMAP, RUAMILL_MAILBOX__HOST="imap.example.org")
    assert complaint.startswith("RUAMILL_MAILBOX__HOST: mailbox must be tables")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        " ",
        "a..b",
        ".example.org",
        "a b",
        "x@example.org",
        "https://example.org",
        "a,b",
        "a\tb",
        "192.0.2.1",
        "*.b",
    ],
)
def test_what_is_no_domain_is_none_of_ours(name: str) -> None:
    (complaint,) = complaints("", RUAMILL_DOMAINS=name)
    assert complaint.startswith("RUAMILL_DOMAINS: domains.0 must be a domain name")


def test_a_file_in_another_encoding_is_named() -> None:
    Path("ruamill.toml").write_bytes(b'# Gr\xfc\xdfe\ndatabase = "x"\n')
    with pytest.raises(ConfigurationError, match=r"ruamill\.toml: .*utf-8"):
        load(environment={})


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"RUAMILL_DATABASE_FILE": "postgresql://u:s3cret@db/reports"},
        {"RUAMILL_DATABASE__URL": "postgresql://u:s3cret@db/reports"},
        {"RUAMILL_MAILBOX__0__PORT": "s3cret"},
    ],
)
def test_no_complaint_quotes_a_secret(environment: dict[str, str]) -> None:
    toml = IMAP.replace('password = "s3cret"', 'password = ["s3cret"]\npasword = "s3cret"') + CLIENT
    assert "s3cret" not in str(complaints(toml, **environment))


def test_a_trace_of_a_complaint_holds_no_secret() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(IMAP + "port = 0")
    assert "s3cret" not in "".join(format_exception(caught.value))


# --- a folder that is closed to us


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in a folder with one that nobody may look into; not even we, who may be root."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0)
    monkeypatch.chdir(tmp_path)
    ourselves = os.geteuid()
    if ourselves == 0:
        os.seteuid(65534)
    yield folder
    os.seteuid(ourselves)
    folder.chmod(0o700)


def test_a_closed_working_folder_is_passed_over(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "PLACES", (Path(closed.name) / "ruamill.toml",))
    assert find_file(None, {}) is None


def test_a_closed_configuration_is_told(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "PLACES", (closed / "ruamill.toml",))
    with pytest.raises(ConfigurationError, match="Permission denied; be the daemon's user"):
        find_file(None, {})
