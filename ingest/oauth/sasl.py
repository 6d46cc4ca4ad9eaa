"""What a client says to log in by token: a mechanism, a user and a token in, one answer after the other out."""

from ingest.settings.oauth import AnyOAuth

MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
"""The standard's before the one that Google made before there was one."""


def choose(oauth: AnyOAuth, offered: set[str]) -> str | None:
    """Choose the mechanism: the configured one, else the best that is offered; None where none is."""
    if oauth.mechanism != "auto":
        return oauth.mechanism
    return next((name for name in MECHANISMS if name in offered), None)


class Conversation:
    """One SASL exchange by token; keeps why the server refuses."""

    def __init__(self, mechanism: str, user: str, token: str) -> None:
        if mechanism == "OAUTHBEARER":  # RFC 7628 3.1, RFC 5801 4
            name = user.replace("=", "=3D").replace(",", "=2C")
            self._left = [f"n,a={name},\1auth=Bearer {token}\1\1", "\1"]
        else:  # developers.google.com/gmail/imap/xoauth2-protocol
            self._left = [f"user={user}\1auth=Bearer {token}\1\1", ""]
        self.refusal = b""

    def __call__(self, challenge: bytes | None = None, /) -> str:
        """Answer: the token first, then, as the server wants it, to its reason for refusing (RFC 7628 3.2.3)."""
        self.refusal = challenge or b""
        return self._left.pop(0) if self._left else ""
