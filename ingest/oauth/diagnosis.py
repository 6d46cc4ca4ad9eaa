"""Why a mail server does not take a token: the token and the server's words in, what is wrong and the next step out."""

import math
import re
import time
from collections.abc import Iterator

from ingest.oauth.claims import Claims, read, seconds, texts
from ingest.settings import ImapSettings
from ingest.settings.oauth import GoogleSettings, Microsoft365Settings

ROLE = "IMAP.AccessAsApp"

EXCHANGE = re.compile(
    r"https://([a-z.-]*outlook[a-z0-9.-]*|webmail\.apps\.mil)/?|00000002-0000-0ff1-ce00-000000000000"
)
"""Audiences of tokens for Exchange Online: outlook.office365.com, the hosts of the national clouds, its own ID."""

DISABLED = ("not enabled for imap", "imap access is disabled", "imap is disabled")
"""What servers say, in lower case, where the login is right and the protocol is switched off."""

AN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def diagnose(settings: ImapSettings, token: str, refusal: str | None) -> list[str]:
    """Give a sentence for each thing that is wrong, with the next step; none if nothing is.

    `refusal` is what the server said to the token, or later to SELECT; None if it took it, or was not asked.
    """
    claims = read(token)
    wrong = list(_in_claims(settings, claims)) if claims else []
    if refusal is None or wrong:
        return wrong
    if any(words in refusal.lower() for words in DISABLED):
        return [
            f"IMAP is switched off for {settings.user}: switch it on for this mailbox, or for all of them."
        ]
    return [_in_words(settings, claims, refusal)]


def _in_claims(settings: ImapSettings, claims: Claims) -> Iterator[str]:
    yield from _times(claims)
    if isinstance(settings.oauth, Microsoft365Settings):
        yield from _of_microsoft(settings.oauth, claims)


def _times(claims: Claims) -> Iterator[str]:
    now = time.time()
    if (late := now - seconds(claims, "exp", math.inf)) >= 0:
        yield f"The token ended {late:.0f} s ago by the clock of this machine: have the clock set by NTP."
    if (early := seconds(claims, "nbf", 0) - now) > 0:
        yield f"The token begins in {early:.0f} s by the clock of this machine: have the clock set by NTP."


def _of_microsoft(oauth: Microsoft365Settings, claims: Claims) -> Iterator[str]:
    audience = texts(claims, "aud")
    if not any(map(EXCHANGE.fullmatch, audience)):
        yield (
            f"The token is for {' '.join(audience) or 'nobody'}, not for Exchange Online: "
            f'set scope = "https://outlook.office365.com/.default", or that of the national cloud.'
        )
    tenant = str(claims.get("tid", oauth.tenant))
    if AN_ID.fullmatch(oauth.tenant) and tenant.lower() != oauth.tenant.lower():
        yield f"The token is of the tenant {tenant}, not of {oauth.tenant}: check tenant."
    application = str(claims.get("appid", claims.get("azp", oauth.client_id)))
    if application.lower() != oauth.client_id.lower():
        yield f"The token is of the application {application}, not of {oauth.client_id}: check client_id."
    if ROLE not in (roles := texts(claims, "roles")):
        yield (
            f"The token lacks the role {ROLE} (it has {', '.join(roles) or 'none'}): in Entra, App registrations, "
            f"API permissions, add it from Office 365 Exchange Online as an application permission, not a delegated one, "
            "and grant admin consent."
        )


def _in_words(settings: ImapSettings, claims: Claims | None, refusal: str) -> str:
    """Say what is left where the claims are right, or cannot be read."""
    if isinstance(settings.oauth, Microsoft365Settings):
        return _left_at_microsoft(settings, claims or {}, refusal)
    if isinstance(settings.oauth, GoogleSettings):
        return _left_at_google(settings.oauth, settings.user)
    return _left_elsewhere(settings, claims)


def _left_at_microsoft(settings: ImapSettings, claims: Claims, refusal: str) -> str:
    """Name the object ID out of the token: New-ServicePrincipal must be given that one, and people give another."""
    principal = claims.get("oid", "the object ID of the enterprise application")
    application = claims.get("appid", claims.get("azp", "the client ID"))
    permission = (
        f"Add-MailboxPermission -Identity {settings.user} -User {principal} -AccessRights FullAccess, "
        f"and Get-CASMailbox {settings.user} must show ImapEnabled True"
    )
    if "not connected" in refusal:
        return (
            f"The token is right, the mailbox is not open to it: in Exchange Online PowerShell, {permission}."
        )
    return (
        f"The token is right, and Exchange Online does not take it for {settings.user}: in Exchange Online PowerShell, "
        f"Get-ServicePrincipal must show ObjectId {principal}, else New-ServicePrincipal -AppId {application} "
        f"-ObjectId {principal}; then {permission}. Changes may take an hour."
    )


def _left_at_google(oauth: GoogleSettings, user: str) -> str:
    return (
        f"Google's tokens tell nothing about themselves. Check that the scope {oauth.scope} is the one that "
        f"was delegated or consented to, that the token is of {user}, and that IMAP is on for that user."
    )


def _left_elsewhere(settings: ImapSettings, claims: Claims | None) -> str:
    """Most servers compare a claim with the user name, and the issuer and the audience with what they were told."""
    if claims is None:
        return "The token tells nothing about itself: see the log of the mail server, which asks the provider about it."
    names = texts(claims, "preferred_username", "username", "email", "upn", "sub")
    if settings.user.lower() not in map(str.lower, names):
        return (
            f"The token speaks for {', '.join(names) or 'nobody'}, not for {settings.user}: have the provider put the "
            "mailbox's user into the claim that the mail server compares, or set user."
        )
    return (
        f"The token speaks for {settings.user}. Check that the mail server knows its issuer "
        f"({claims.get('iss', 'none')}), its audience ({' '.join(texts(claims, 'aud')) or 'none'}) and its key."
    )
