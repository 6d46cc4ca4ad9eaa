"""Why something was not stored: each error is a decision, and its text is the reason a person reads."""

from typing import ClassVar


class ReportError(Exception):
    """Reading it again will not help. One line, no line breaks, whatever a stranger wrote into it."""

    outcome: ClassVar[str]

    def __init__(self, reason: str) -> None:
        super().__init__(" ".join(reason.split())[:500])

    def settle(self) -> None:
        """Forget the frames it was raised in: they hold all that was read until then."""
        self.__cause__ = self.__context__ = self.__traceback__ = None


class NotAReportError(ReportError):
    """Ordinary mail, or a file of another kind."""

    outcome = "not_a_report"


class UnsupportedError(ReportError):
    """A report, but not an aggregate report."""

    outcome = "unsupported"


class CorruptError(ReportError):
    """Meant to be a report, and unreadable."""

    outcome = "corrupt"


class RefusedError(ReportError):
    """Over a limit, or hostile."""

    outcome = "refused"


class ParserExhaustedError(Exception):
    """The XML library of this process takes no new names any more; another process will read the report.

    No decision about the report, so no ReportError.
    """
