"""The command line: what can be asked, and the exit status of each end.

Whatever a command needs is imported when it runs, so that `--help` is there at once.
"""

import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from ingest.settings import Settings

app = typer.Typer(
    name="ruamill",
    help=(
        "DMARC aggregate reports out of a mailbox, into a SQL database: who sends as my domain, and does it pass?\n\n"
        "Try it on files first: `ruamill ingest REPORTS/` and `ruamill sources`. Then put your mailbox into "
        "ruamill.toml, look at one pass with `ruamill poll`, and leave `ruamill run` running."
    ),
    epilog=(
        "Exit status: 0 done, every message accounted for · 1 a defect or an outage · 2 wrong use or configuration · "
        "3 something was rejected and --strict was given · 75 temporary: try again later"
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: rich's calls every switch a <bool>, and takes its time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
db = typer.Typer(help="Look after the database.", no_args_is_help=True)
app.add_typer(db, name="db")

# Arguments are told in each command's text: typer would write `PATH <list[Path]>`.


@dataclass(frozen=True, slots=True)
class Options:
    """What stands before the command word."""

    config: Path | None
    database: str | None

    def settings(self) -> "Settings":
        """Read the configuration. Raises ConfigurationError."""
        from ingest import configuration

        loaded = configuration.load(self.config)
        return loaded.with_database(self.database) if self.database else loaded

    def settings_to_read(self, workers: int | None) -> "Settings":
        """Read the configuration for a command that reads messages: with the usual number of workers unless one is set."""
        from ingest.workers import usual

        settings = self.settings()
        return settings.with_workers(workers or settings.workers or usual())


Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=64,
        metavar="N",
        help="Processes that read, once there are more than a hundred messages: one for each core, at most 4, unless set. 1: no other.",
    ),
]
Form = Literal["table", "csv", "json", "parquet"]
FileForm = Literal["csv", "parquet"]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit with status 3 if anything was corrupt or refused.")
]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ruamill {version('ruamill')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            help="Configuration file. Without it: RUAMILL_CONFIG, ./ruamill.toml, /etc/ruamill/ruamill.toml.",
            metavar="FILE",
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            help="Database URL instead of the configured one: sqlite:///FILE, postgresql://…", metavar="URL"
        ),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Keep what stands before the command word."""
    context.obj = Options(config, database)


@app.command()
def ingest(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", hidden=True)],
    json: Json = False,
    strict: Strict = False,
    workers: Workers = None,
) -> None:
    """Store the reports in files and folders.

    A PATH is a report (XML, gzip, zip), a mail, an mbox, a Maildir, or a folder of such: what a file is, is told by
    its content, not by its name. Files are read, never moved. Reading a file again does no harm: its reports are
    known, and counted as duplicates.
    """
    from ingest.commands.ingest import run

    raise typer.Exit(run(context.obj.settings_to_read(workers), paths, json=json, strict=strict))


@app.command()
def poll(
    context: typer.Context,
    mailboxes: Annotated[list[str] | None, typer.Argument(metavar="MAILBOX", hidden=True)] = None,
    json: Json = False,
    strict: Strict = False,
    workers: Workers = None,
) -> None:
    """Take what waits in the configured mailboxes, once.

    All of them, unless some are named. A message is moved to its folder (Processed, Failed, Ignored) only after its
    rows are committed. Stopped at any point, the next poll goes on where this one was.
    """
    from ingest.commands.poll import run

    raise typer.Exit(run(context.obj.settings_to_read(workers), mailboxes or [], json=json, strict=strict))


@app.command()
def run(context: typer.Context) -> None:
    """Poll the configured mailboxes again and again, as a daemon.

    The first poll is at once. SIGTERM or Ctrl-C finishes the batch in hand and stops within ten seconds. A mailbox or
    a database that is away is tried again at the next poll; nothing is lost meanwhile.
    """
    from ingest.commands.run import run as run_daemon

    raise typer.Exit(run_daemon(context.obj.settings()))


@app.command()
def parse(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", hidden=True)],
) -> None:
    """Show what ruamill reads in one file, as JSON.

    FILE is a report, a mail, or - for standard input. No database is used. The first thing to try when a report was
    not taken: it says why.
    """
    from ingest.commands.parse import run

    raise typer.Exit(run(context.obj.settings(), file))


@app.command()
def retry(
    context: typer.Context,
    outcomes: Annotated[list[str] | None, typer.Argument(metavar="OUTCOME", hidden=True)] = None,
    json: Json = False,
    strict: Strict = False,
    workers: Workers = None,
) -> None:
    """Read kept messages again, after an upgrade or a change of the settings.

    Those that are corrupt or unsupported, unless an OUTCOME is named: corrupt, partial, refused, retry, unsupported.
    Their bytes are in the database; the mail stays where it was moved to.
    """
    from ingest.commands.retry import run

    raise typer.Exit(run(context.obj.settings_to_read(workers), outcomes or [], json=json, strict=strict))


@app.command()
def sources(
    context: typer.Context,
    domain: Annotated[str | None, typer.Argument(metavar="DOMAIN", hidden=True)] = None,
    days: Annotated[
        int | None, typer.Option(help="Only the last N days that were reported.", min=1, metavar="N")
    ] = None,
    failing: Annotated[
        bool, typer.Option("--failing", help="Only what fails DMARC, or stands on one leg.")
    ] = False,
    addresses: Annotated[
        bool, typer.Option("--addresses", help="List each address beneath its source.")
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            help="At most N sources of each domain; else 50, or all with --json.", min=1, metavar="N"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show who sends as a domain, whether it passes, whose machine it is, and what to do about it.

    One line for each service or owner and what it is to the domain, what needs you first; for every policy domain
    without DOMAIN. Without --days over the last 30 that were reported. `ruamill enrich` finds out who owns addresses;
    the daemon does it by itself.
    """
    from ingest.commands.sources import run

    raise typer.Exit(
        run(
            context.obj.settings(),
            domain,
            days=days,
            failing=failing,
            addresses=addresses,
            limit=limit,
            json=json,
        )
    )


@app.command()
def readiness(
    context: typer.Context,
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", hidden=True)],
    json: Json = False,
) -> None:
    """Tell whether DOMAIN is ready for the next policy, from none to quarantine to reject.

    The answer comes first, in one sentence; then what a stricter policy would have touched in the last 7, 30 and 90
    days, by verdict, and who stands in the way. Subdomains (sp, np) have their own lines.
    """
    from ingest.commands.readiness import run

    raise typer.Exit(run(context.obj.settings(), domain, json=json))


@app.command()
def summary(
    context: typer.Context,
    domain: Annotated[
        list[str] | None,
        typer.Option(help="Only about DOMAIN; may be given several times.", metavar="DOMAIN"),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="What came in since then, in UTC; else the last 24 hours.", metavar="YYYY-MM-DD[THH:MM]"
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write it as a page into FILE.", metavar="FILE")] = None,
    text: Annotated[Path | None, typer.Option(help="Write it as text into FILE.", metavar="FILE")] = None,
    send: Annotated[bool, typer.Option("--send", help="Send it to the configured recipients.")] = False,
) -> None:
    """Show the letter that postmasters get: what is wrong, whose it is and what to do next, the worst first.

    It tells of the reports that came in lately, whatever days they are about. The daemon sends it by itself where
    [smtp] and recipients are configured. Without an option it is printed.
    """
    from ingest.commands.summary import run

    raise typer.Exit(run(context.obj.settings(), domain or [], since=since, html=html, text=text, send=send))


@app.command()
def web(
    context: typer.Context,
    host: Annotated[
        str | None,
        typer.Option(help="Address to serve on; else the configured one, 127.0.0.1.", metavar="HOST"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            help="Port to serve on; else the configured one, 8080.", min=0, max=65535, metavar="PORT"
        ),
    ] = None,
) -> None:
    """Serve pages for people who would rather look: domains, sources, reports, and what became of the mail.

    They are read-only, need no network and no JavaScript, and say the same as the letter. On this machine alone,
    unless a password file or a reverse proxy tells who looks ([web] of ruamill.toml). Ctrl-C ends it.
    """
    from ingest.commands.web import run

    raise typer.Exit(run(context.obj.settings(), host=host, port=port))


@app.command()
def enrich(
    context: typer.Context,
    budget: Annotated[
        int | None,
        typer.Option(help="At most N registry queries; else the configured budget.", min=1, metavar="N"),
    ] = None,
    json: Json = False,
) -> None:
    """Find out who owns the sending addresses that wait, and judge every source anew.

    One query for each /24 (IPv4) or /48 (IPv6), the most messages first; every answer is kept as soon as it is there,
    so Ctrl-C loses nothing. The daemon does the same by itself.
    """
    from ingest.commands.enrich import run

    raise typer.Exit(run(context.obj.settings(), budget=budget, json=json))


@app.command()
def services(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="SERVICE", hidden=True)] = None,
    check: Annotated[
        Path | None, typer.Option(help="Check a file of your own services instead.", metavar="FILE")
    ] = None,
    json: Json = False,
) -> None:
    """Show the catalogue of services that send or relay mail: all of them, or all about one.

    SERVICE is its key or part of its name: how it is recognised, and what to do when its DKIM or SPF fails.
    """
    from ingest.commands.services import run

    raise typer.Exit(run(context.obj.settings(), name, check=check, json=json))


@app.command()
def query(
    context: typer.Context,
    sql: Annotated[str | None, typer.Argument(metavar="SQL", hidden=True)] = None,
    name: Annotated[
        str | None,
        typer.Option(help="A question that has a name, or a view; --list shows them.", metavar="NAME"),
    ] = None,
    domain: Annotated[str | None, typer.Option(help="The question's :domain.", metavar="DOMAIN")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="The question's :since; else 30 days before :until.", metavar="YYYY-MM-DD"),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(help="The question's :until; else the last reported day.", metavar="YYYY-MM-DD"),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="table, csv, json or parquet; else a table, in a pipe CSV."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to FILE.", metavar="FILE")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(help="At most N rows; else 1,000 as a table, 1,000,000 otherwise.", min=1, metavar="N"),
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="Give up after this many seconds.", min=0.1, metavar="SECONDS")
    ] = 60.0,
    names: Annotated[bool, typer.Option("--list", help="List the questions and the views.")] = False,
) -> None:
    """Ask the database a question in SQL, without a client; nothing can be changed by it.

    SQL is one SELECT (- reads it from standard input); the views and their columns are in docs/schema.md, questions
    with their answers in docs/sql.md. CSV is safe to open in a spreadsheet.
    """
    from ingest.commands.query import run

    raise typer.Exit(
        run(
            context.obj.settings(),
            sql,
            name=name,
            domain=domain,
            since=since,
            until=until,
            form=form,
            output=output,
            limit=limit,
            timeout=timeout,
            names=names,
        )
    )


@app.command()
def export(
    context: typer.Context,
    views: Annotated[list[str], typer.Argument(metavar="VIEW", hidden=True)],
    folder: Annotated[
        Path,
        typer.Option("--output", "-o", help="Write below FOLDER; made if it is missing.", metavar="FOLDER"),
    ],
    form: Annotated[FileForm, typer.Option("--format", help="csv or parquet.")] = "csv",
    since: Annotated[
        str | None, typer.Option(help="First day; else the first there is.", metavar="YYYY-MM-DD")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Last day; else the last there is.", metavar="YYYY-MM-DD")
    ] = None,
) -> None:
    """Write views into files, one for each day: FOLDER/VIEW/VIEW-YYYY-MM-DD.csv or .parquet.

    A VIEW without days goes into one file, named after today. A file is there whole or not at all; one of an
    earlier export is replaced, since late reports change days that are past.
    """
    from ingest.commands.export import run

    raise typer.Exit(run(context.obj.settings(), views, folder, form=form, since=since, until=until))


@app.command()
def conflicts(
    context: typer.Context,
    report: Annotated[int | None, typer.Argument(metavar="REPORT", hidden=True)] = None,
    decision: Annotated[str | None, typer.Argument(metavar="DECISION", hidden=True)] = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that are decided.")] = False,
    json: Json = False,
) -> None:
    """List reports that came a second time with other content, and decide what becomes of them.

    Such a report is kept and not counted. REPORT alone shows how it differs from the one that is counted. DECISION is
    leave (the counted one stays), replace (it is counted in the other's place) or add (both are counted: two
    different reports under one name). A decision can be taken again.
    """
    from ingest.commands.conflicts import run

    raise typer.Exit(run(context.obj.settings(), report, decision, every=every, json=json))


@app.command()
def reparse(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew in place of going on with an interrupted run.")
    ] = False,
    json: Json = False,
) -> None:
    """Read the kept XML of every report again, and rebuild the rows that change by it.

    After an upgrade that reads more, or a change of `domains`. Stopped at any point, the next `ruamill reparse` goes
    on there. The daemon may go on meanwhile; what changed is printed by table and column.
    """
    from ingest.commands.reparse import run

    raise typer.Exit(run(context.obj.settings(), dry_run=dry_run, restart=restart, json=json))


@app.command()
def status(context: typer.Context, json: Json = False) -> None:
    """Show how ruamill is doing: mailboxes, database, what came in, what waits, when each domain last had a report.

    Exit status 1 if something needs a person.
    """
    from ingest.commands.status import run

    raise typer.Exit(run(context.obj.settings(), json=json))


@app.command()
def doctor(context: typer.Context, json: Json = False) -> None:
    """Try everything that is configured, and say what is wrong and what to do next.

    Mailboxes (name, connection, certificate, token, login, folders, rights), database, migrations, the mail server for
    the letter, DNS and registries. Nothing is changed, no mail is read or sent. Exit status 1 if something is wrong.
    """
    from ingest.commands.doctor import run

    raise typer.Exit(run(context.obj.config, context.obj.database, json=json))


@app.command()
def init(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", hidden=True)] = None,
) -> None:
    """Write a configuration to begin with, every setting explained in it.

    To FILE, else where --config says, else to ruamill.toml. A file that is there is never overwritten; - prints it.
    """
    from ingest.commands.init import run

    raise typer.Exit(run(file or context.obj.config or Path("ruamill.toml")))


@db.command()
def prune(
    context: typer.Context,
    keep: Annotated[
        str | None,
        typer.Option(help="How long to keep, such as 400d; else the configured retention.", metavar="DAYS"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")] = False,
    json: Json = False,
) -> None:
    """Remove what came in long ago: reports with their records and XML, kept mail, the ledger.

    The sums by day stay, and a removed report is not counted again if another copy comes in. The daemon does this by
    itself each night where `[retention] keep` is set; meanwhile reports can come in.
    """
    from ingest.commands.prune import run

    raise typer.Exit(run(context.obj.settings(), keep, dry_run=dry_run, json=json))


@db.command("grant-analyst")
def grant_analyst(
    context: typer.Context,
    role: Annotated[str, typer.Argument(metavar="ROLE", hidden=True)],
    timeout: Annotated[
        int,
        typer.Option(
            help="Seconds after which the server ends a query of the role.", min=1, metavar="SECONDS"
        ),
    ] = 60,
) -> None:
    r"""Let a PostgreSQL ROLE read the views, and nothing else: no tables, no raw mail, no change.

    The role is made if it is missing, with no password: set one with psql's \password. Run again, it is brought up to
    date; after an upgrade of the schema that happens by itself.
    """
    from ingest.commands.grant_analyst import run

    raise typer.Exit(run(context.obj.settings(), role, timeout=timeout))


@db.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database to this version's schema. Every command that uses it does so by itself."""
    from ingest.commands.upgrade import run

    raise typer.Exit(run(context.obj.settings()))


def main() -> None:
    """Run a command; an error that is no defect ends in one line and its own exit status."""
    try:
        app()
    except Exception as error:
        from ingest.status import of_error

        status = of_error(error)
        if status is None:
            raise
        for line in str(error).splitlines():
            typer.echo(f"ruamill: {line}", err=True)
        sys.exit(status)
