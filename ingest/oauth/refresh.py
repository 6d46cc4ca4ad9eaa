"""The refresh token in use: one given in the settings in, whatever the server gave in exchange for it out (RFC 6749 6)."""

import os
from contextlib import suppress
from pathlib import Path

import structlog

from ingest.oauth.files import reading
from ingest.settings.oauth import RefreshTokenSettings

log = structlog.get_logger()


class RefreshToken:
    """One refresh token, in memory or in its file; the file is read each time, since others may have replaced it."""

    def __init__(self, settings: RefreshTokenSettings) -> None:
        self._file = settings.refresh_token_file
        self._text = settings.refresh_token.get_secret_value() if settings.refresh_token else ""

    def current(self) -> str:
        """Give the one to use now. Raises MailboxUnavailableError."""
        if self._text or not self._file:
            return self._text
        with reading("refresh_token_file", self._file, "text"):
            return self._file.read_text(encoding="utf-8").strip()

    def replace(self, token: str) -> None:
        """Use another from now on: the one before may be worth nothing any more."""
        try:
            if not self._file:
                raise FileNotFoundError("no refresh_token_file is set")
            _write(self._file, token)
        except OSError as error:
            self._text = token
            advice = "it is lost when this process ends: set a refresh_token_file that can be written"
            log.warning("refresh_token_not_kept", error=str(error), advice=advice)


def _write(file: Path, token: str) -> None:
    """Put the token in the place of the old one, for those who could read that; a crash leaves one or the other."""
    old, new = file.stat(), file.with_name(f"{file.name}.new")
    new.touch(0o600)
    with new.open("w", encoding="utf-8") as written:
        written.write(token)
        written.flush()
        os.fsync(written.fileno())
    new.chmod(old.st_mode & 0o777)
    with suppress(PermissionError):  # only root can, who lends a hand to a daemon with another name
        os.chown(new, old.st_uid, old.st_gid)
    new.replace(file)
