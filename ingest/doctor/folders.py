"""The folders of a mailbox on an IMAP server: a connection that is logged in, in; what may be done in them, out."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, IMAPClientReadOnlyError
from imapclient.response_parser import parse_response

from ingest.doctor.findings import Finding, note, ok, wrong
from ingest.imap.errors import NOT_CONNECTED
from ingest.imap.folders import Folder, listed, to_be_read
from ingest.settings import ImapSettings

NEEDED = {"move": "rte", "flag": "rsw", "leave": "r"}
"""What is done in the folders that are read, and the rights which that takes (RFC 4314 4)."""

RIGHTS = {
    "r": "read",
    "s": "mark as read",
    "w": "flag",
    "t": "mark as deleted",
    "e": "expunge",
    "i": "put messages in",
    "k": "create folders below",
}
LONE_LETTERS = {"d": "te", "c": "k"}
"""Rights of RFC 2086, which servers without RIGHTS= among their capabilities still give, and what they are now."""


def findings(client: IMAPClient, settings: ImapSettings) -> Iterator[Finding]:
    """Open the folders that are read, as a poll does, and look at those that messages are moved to.

    Raises errors of imapclient, and OSError.
    """
    existing = listed(client)
    for name in to_be_read(settings, existing):
        yield _readable(client, settings, name, existing)
    if settings.after == "move":
        for name in dict.fromkeys((settings.processed, settings.failed, settings.ignored)):
            yield _target(client, settings, name, existing)


def _readable(client: IMAPClient, settings: ImapSettings, name: str, existing: Sequence[Folder]) -> Finding:
    try:
        state = client.select_folder(name, readonly=settings.after == "leave")
    except IMAPClientReadOnlyError:
        client.select_folder(name, readonly=True)  # else imaplib refuses every command from here on
        return _lacking(settings, name, _missing(client, name, NEEDED[settings.after]))
    except IMAPClientError as error:
        if NOT_CONNECTED in str(error):
            raise
        return _not_opened(settings, name, existing, error)
    if missing := _missing(client, name, NEEDED[settings.after]):
        return _lacking(settings, name, missing)
    number = int(state[b"EXISTS"])
    return ok("folder", f"{name}: {number:,} {'message' if number == 1 else 'messages'} there")


def _not_opened(
    settings: ImapSettings, name: str, existing: Sequence[Folder], error: IMAPClientError
) -> Finding:
    names = [folder.name for folder in existing if folder.has_messages]
    if any(folder.is_called(name) for folder in existing):
        advice = f"ask the administrator of {settings.host} for the right to read it"
        return wrong("folder", f"{name} cannot be opened ({error})", advice)
    near = get_close_matches(name, names, n=5) or sorted(names)[:10]
    advice = f"create it, or name another one in folders; there are: {', '.join(near)}"
    return wrong("folder", f"there is no folder {name} for {settings.user}", advice)


def _lacking(settings: ImapSettings, name: str, missing: str) -> Finding:
    what = ", ".join(f"{RIGHTS[right]} ({right})" for right in missing)
    text = f"{name}: {settings.user} may not {what}" if what else f"{name} is read-only for {settings.user}"
    advice = f'ask the administrator of {settings.host} for the right to do so, or set after = "leave"'
    return wrong("folder", text, advice)


def _target(client: IMAPClient, settings: ImapSettings, name: str, existing: Sequence[Folder]) -> Finding:
    if any(folder.is_called(name) and folder.has_messages for folder in existing):
        if _missing(client, name, "i"):
            advice = f"ask the administrator of {settings.host} for the right to do so (i), or name another"
            return wrong("folder", f"{name}: {settings.user} may not put messages in", advice)
        return ok("folder", f"{name} is there")
    return _to_be_made(client, settings, name, existing)


def _to_be_made(client: IMAPClient, settings: ImapSettings, name: str, existing: Sequence[Folder]) -> Finding:
    """Judge whether a folder can be made, as far as that is known without trying."""
    if (prefix := _prefix(client)) and not name.startswith(prefix):
        advice = f'write "{prefix}{name}" instead'
        return wrong("folder", f"{name} cannot be made: folders of this server begin with {prefix}", advice)
    above = next((folder for folder in existing if _is_parent(folder, name)), None)
    if above and _missing(client, above.name, "k"):
        advice = f"ask the administrator of {settings.host} for the right to create folders (k), or create {name} yourself"
        return wrong(
            "folder", f"{name} is missing, and {settings.user} may create none below {above.name}", advice
        )
    return note("folder", f"{name} is not there yet: the first message that goes there makes it")


def _is_parent(folder: Folder, name: str) -> bool:
    return bool(folder.delimiter) and folder.is_called(name.rpartition(folder.delimiter)[0])


def _prefix(client: IMAPClient) -> str:
    """Give what the user's own folders must begin with (RFC 9051 6.3.10); mostly nothing."""
    if not client.has_capability("NAMESPACE"):
        return ""
    personal: Sequence[tuple[str, str]] | None = client.namespace().personal
    return personal[0][0] if personal and len(personal) == 1 else ""


def _missing(client: IMAPClient, name: str, needed: str) -> str:
    """Give those of the rights that we have not; none where the server does not tell (RFC 4314 3.5)."""
    if not client.has_capability("ACL"):
        return ""
    answer = client._command_and_check("myrights", client._normalise_folder(name))  # noqa: SLF001 (as its getacl does)
    rights = parse_response(answer)[-1].decode()
    if not any(each.startswith(b"RIGHTS=") for each in client.capabilities()):
        rights += "".join(LONE_LETTERS.get(right, "") for right in rights)
    return "".join(right for right in needed if right not in rights)
