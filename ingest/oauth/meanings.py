"""What the refusals of token endpoints mean: the words of one in, the next step out."""

TIME_MENDS = ("temporarily_unavailable", "server_error", "slow_down")
"""Errors of an endpoint that needs no person, only time (RFC 6749 4.1.2.1; Microsoft answers so too)."""

MEANINGS: tuple[tuple[str, str], ...] = (
    # Microsoft Entra; its list is learn.microsoft.com/entra/identity-platform/reference-error-codes
    ("AADSTS7000215", "client_secret must be the value of the client secret, not its ID"),
    (
        "AADSTS7000222",
        "the client secret has expired: add one in Entra (Certificates & secrets), and set client_secret",
    ),
    (
        "AADSTS7000112",
        "the application is disabled: enable it in Entra (Enterprise applications, Properties)",
    ),
    ("AADSTS700016", "the tenant has no such application: check client_id and tenant"),
    (
        "AADSTS700027",
        "Entra has no such certificate for the application, or it has expired: upload it (Certificates & secrets)",
    ),
    ("AADSTS700024", "the clock of this machine is wrong: have it set by NTP"),
    ("AADSTS90002", "there is no such tenant: check tenant; a national cloud needs its own authority"),
    ("AADSTS900023", "tenant must be the directory (tenant) ID, or a domain of it"),
    ("AADSTS1002012", "scope must be that of Exchange Online with /.default at its end"),
    ("AADSTS70011", "scope must be that of Exchange Online with /.default at its end"),
    ("AADSTS500011", "the tenant has no Exchange Online of that name: check scope and tenant"),
    (
        "AADSTS53003",
        "a Conditional Access policy blocks it: except the application, or this machine's address",
    ),
    # Google; its list is in developers.google.com/identity/protocols/oauth2/service-account
    (
        "Client is unauthorized to retrieve access tokens",
        "in the Admin console, delegate to the service account's client ID exactly the scope that is set; it may take a day",
    ),
    ("Invalid email or User ID", "user must be the address of a user, not of a group or an alias domain"),
    ("Invalid JWT Signature", "the key was deleted at Google: make a new one for service_account_file"),
    ("Token must be a short-lived token", "the clock of this machine is wrong: have it set by NTP"),
    ("expired or revoked", "the refresh token is worth nothing any more: consent again for a new one"),
    # everybody (RFC 6749 5.2)
    ("invalid_client", "check client_id and its secret or certificate"),
    (
        "invalid_grant",
        "what was granted has ended: get a new refresh token, or check the account and its key",
    ),
    ("unauthorized_client", "allow this client at the provider to ask in this way"),
    (
        "unsupported_grant_type",
        "check that this is the provider's token endpoint, and what it allows the client",
    ),
    ("invalid_scope", "check scope"),
    ("access_denied", "allow this client at the provider"),
)
"""Words in a refusal and the next step; the first that fits counts."""


def meaning(refusal: str) -> str:
    """Give the next step."""
    return next(
        (step for words, step in MEANINGS if words in refusal), "check the oauth table of this mailbox"
    )
