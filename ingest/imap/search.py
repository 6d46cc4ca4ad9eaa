"""The messages of an open folder: a UID in, the UIDs above it out, in windows that one search may answer."""

from collections.abc import Iterator
from itertools import pairwise

from imapclient import IMAPClient

SEARCHED = 50_000
"""Messages asked of one search: UIDs of 10 digits each fit into the 1,000,000 bytes that imaplib reads as a line."""


def undeleted(client: IMAPClient, messages: int, above: int, *, newest: bool) -> Iterator[list[int]]:
    r"""Give the UIDs above the given one of messages without \Deleted, sorted, one window after the other.

    `messages` is how many the folder had when it was opened.
    """
    windows = _windows(client, messages, above)
    for first, last in reversed(windows) if newest else windows:
        found = client.search(["UNDELETED", "UID", f"{first}:{last}"])
        # "9:*" is the last message even where its UID is below 9 (RFC 9051 9, seq-range).
        if uids := sorted((uid for uid in found if uid > above), reverse=newest):
            yield uids


def _windows(client: IMAPClient, messages: int, above: int) -> list[tuple[int, int | str]]:
    """Cut the UIDs above the given one into ranges of about SEARCHED messages, however wide the gaps between UIDs."""
    if messages <= SEARCHED:
        return [(above + 1, "*")]
    numbers = [*map(str, range(1, messages, SEARCHED)), "*"]
    *starts, last = sorted(client.search([",".join(numbers)]))
    windows = [(first, after - 1) for first, after in pairwise([*starts, last + 1])]
    return [(max(first, above + 1), end) for first, end in windows if end > above]
