"""Credentials in files: around their reading, whatever is wrong with one leaves as MailboxUnavailableError."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from joserfc.errors import JoseError

from ingest.mailboxes import MailboxUnavailableError


@contextmanager
def reading(key: str, file: Path | None, wanted: str) -> Iterator[None]:
    """Name the key of the settings, the file, and what should be in it; nothing of what is."""
    try:
        yield
    except (ssl.SSLError, ValueError, TypeError, KeyError, JoseError):
        raise MailboxUnavailableError(
            f"{key} {file} cannot be used: it must be {wanted}", temporary=False
        ) from None
    except OSError as error:
        message = f"{key} {file} cannot be read ({error.strerror}): check its name and its rights"
        raise MailboxUnavailableError(message, temporary=False) from error
