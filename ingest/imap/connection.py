"""The way to an IMAP server: settings in, a connection with its TLS checked out."""

import ssl

from imapclient import IMAPClient, SocketTimeout

from ingest.mailboxes import MailboxUnavailableError
from ingest.settings import ImapSettings


def connect(settings: ImapSettings) -> IMAPClient:
    """Open the connection, for IMAPClient's own `with` to close; STARTTLS comes with the login."""
    implicit = settings.tls == "implicit"
    client = IMAPClient(
        settings.host,
        settings.effective_port,
        ssl=implicit,
        ssl_context=tls_context(settings) if implicit else None,
        timeout=SocketTimeout(settings.connect_timeout, settings.read_timeout),
    )
    client.normalise_times = False
    client._imap.debug = 0  # noqa: SLF001 (else imaplib spells out every message for a log, in three times its memory)
    return client


def tls_context(settings: ImapSettings) -> ssl.SSLContext:
    """Trust the configured authority, or those of the system."""
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        message = f"ca_file {settings.ca_file} cannot be used ({error}): name a PEM file with a certificate"
        raise MailboxUnavailableError(message, temporary=False) from error
