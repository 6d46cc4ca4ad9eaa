"""Structured logging to standard error: for people on a terminal, as JSON lines otherwise.

Every message gets one event, `message`, always with the same keys: source, folder, uid, message_id, bytes, outcome,
reason, reports, records.
"""

import logging
import sys

import structlog

from ingest.settings import LogSettings


def set_up(settings: LogSettings, *, quiet: bool = False) -> None:
    """Choose what is logged and how; `quiet`: only errors, unless a level is set, of a command whose tally tells the rest."""
    number = logging.getLevelNamesMapping()[_level(settings, quiet=quiet).upper()]
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    renderer = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback, repr_native_str=True)
        if console
        else structlog.processors.JSONRenderer()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    traceback: list[structlog.typing.Processor] = [] if console else [structlog.processors.format_exc_info]
    structlog.configure(
        processors=[*shared, *traceback, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _join_standard_logging(shared, traceback, renderer)


def _level(settings: LogSettings, *, quiet: bool) -> str:
    return "error" if quiet and "level" not in settings.model_fields_set else settings.level


def _join_standard_logging(
    shared: list[structlog.typing.Processor],
    traceback: list[structlog.typing.Processor],
    renderer: structlog.typing.Processor,
) -> None:
    """Let the libraries' own log (the scheduler's, above all) come out in the same form, from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[remove_meta, *traceback, renderer]
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
