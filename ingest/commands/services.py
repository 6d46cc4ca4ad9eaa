"""`ruamill services`: the catalogue, for a person: which services are known, and how each is recognised."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from enrich.catalogue import CatalogueError, Service, load, read
from ingest import show
from ingest.settings import Settings
from ingest.status import DONE, WRONG_USE
from summary.words import counted

Services = Mapping[str, Service]

COLUMNS = ("service", "name", "kind", "signs as you", "aligns SPF")
SPARE = ("aligns SPF", "signs as you")
"""What a narrow terminal does without, the first of them first."""

EVIDENCE = {
    "return_paths": "its return paths",
    "names": "its machines' names",
    "dkim_domains": "its own signatures",
    "selectors": "selectors as you",
    "owners": "its networks' owner",
    "asns": "its networks' AS",
    "spf_includes": "in your SPF record",
}
"""Keys that hold lists, in words, strongest evidence first."""


def run(settings: Settings, name: str | None, *, check: Path | None, json: bool) -> int:
    """Print all services, those that a name fits, or whether a file of one's own is in order."""
    try:
        services = read(check) if check else load(settings.enrich.services).services
        if check and not name:
            _tell_check(check, services, json=json)
            return DONE
    except CatalogueError as error:
        _tell_slips(str(error).splitlines(), json=json)
        return WRONG_USE
    chosen = _fitting(name, services) if name else services
    if not chosen:
        typer.echo(
            show.printable(f"No service is called {name}; list all with `ruamill services`."), err=True
        )
        return WRONG_USE
    if json:
        show.as_json([{"service": key, **service.model_dump()} for key, service in _in_order(chosen)])
    elif name and len(chosen) == 1:
        _tell_all(*_in_order(chosen)[0])
    else:
        show.table(COLUMNS, [_row(key, service) for key, service in _in_order(chosen)], spare=SPARE)
    return DONE


def _tell_check(file: Path, services: Services, *, json: bool) -> None:
    known = load().services
    replaced = sorted(key for key in services.keys() & known.keys() if services[key] != known[key])
    if json:
        show.as_json({"services": len(services), "replaced": replaced, "slips": []})
        return
    instead = f"; instead of ruamill's own: {', '.join(replaced)}" if replaced else ""
    typer.echo(show.printable(f"{file} is in order: {counted(len(services), 'service')}{instead}"))


def _tell_slips(slips: list[str], *, json: bool) -> None:
    if json:
        show.as_json({"services": 0, "replaced": [], "slips": slips})
    for slip in slips:
        typer.echo(show.printable(f"ruamill: {slip}"), err=True)


def _fitting(name: str, services: Services) -> Services:
    """Give the service of that key, else those with it in their key or name."""
    wanted = name.casefold()
    if wanted in services:
        return {wanted: services[wanted]}
    return {
        key: service
        for key, service in services.items()
        if wanted in key or wanted in service.name.casefold()
    }


def _in_order(services: Services) -> Sequence[tuple[str, Service]]:
    return sorted(services.items(), key=lambda it: (it[1].kind, it[0]))


def _row(key: str, service: Service) -> list[show.Value]:
    return [key, service.name, service.kind, _yes(service.signs), _yes(service.aligns_spf)]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _tell_all(key: str, service: Service) -> None:
    """Print everything about one service: two columns on a terminal, tab-separated in a pipe."""
    rows = [(words, show.printable(text)) for words, text in _details(key, service)]
    if not sys.stdout.isatty():
        sys.stdout.writelines(f"{words}\t{text}\n" for words, text in rows)
        return
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column()
    grid.add_column(overflow="fold")
    for words, text in rows:
        grid.add_row(Text(words, style="bold"), Text(text))
    Console().print(grid)


def _details(key: str, service: Service) -> list[tuple[str, str]]:
    values: dict[str, Any] = service.model_dump()
    return [
        ("service", key),
        ("name", service.name),
        ("kind", f"{service.kind}, also before recipients" if service.scans else service.kind),
        ("documentation", service.url),
        ("signs as you", _yes(service.signs)),
        ("aligns SPF", _yes(service.aligns_spf)),
        *((words, ", ".join(map(str, values[field]))) for field, words in EVIDENCE.items() if values[field]),
        ("when DKIM fails", service.dkim_step),
        ("when SPF fails", service.spf_step),
    ]
