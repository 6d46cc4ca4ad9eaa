"""Why a token is not taken is read from the token itself, and from what the mail server said."""

from base64 import urlsafe_b64encode
from typing import Any

import pytest

from ingest.oauth.diagnosis import diagnose
from ingest.settings import ImapSettings
from tests.ingest.oauth_kit import USER, mailbox
from tests.servers.token_endpoint import Issuer

TENANT = "11111111-2222-3333-4444-555555555555"
APPLICATION = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
PRINCIPAL = "99999999-8888-7777-6666-555555555555"
GOOD: dict[str, Any] = {
    "aud": "https://outlook.office365.com",
    "appid": APPLICATION,
    "oid": PRINCIPAL,
    "tid": TENANT,
    "roles": ["IMAP.AccessAsApp"],
}
FAILED = "AUTHENTICATE failed."
OPAQUE = "ya29.a0AfH6SMBx-not.a.token"


def microsoft(**changes: Any) -> ImapSettings:
    usual = {"provider": "microsoft365", "tenant": TENANT, "client_id": APPLICATION, "client_secret": "1"}
    return mailbox({**usual, **changes})


def google() -> ImapSettings:
    return mailbox({"provider": "google", "service_account_file": "/etc/ruamill/google.json"})


def keycloak() -> ImapSettings:
    url = "https://login.example.org/token"
    return mailbox({"provider": "generic", "client_id": "1", "client_secret": "1", "token_url": url})


def token(seconds: float = 3600, user: str = "x", **claims: Any) -> str:
    return Issuer().token(user, seconds, **claims)


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        (microsoft(), token(**GOOD)),
        (microsoft(tenant="example.org"), token(**GOOD)),
        (microsoft(), token(**{**GOOD, "aud": "00000002-0000-0ff1-ce00-000000000000"})),
        (microsoft(), token(**{**GOOD, "aud": "https://outlook.office365.us"})),
        (microsoft(), token(**{**GOOD, "aud": "https://partner.outlook.cn/"})),
        (google(), OPAQUE),
        (keycloak(), OPAQUE),
        (keycloak(), token(user=USER)),
    ],
)
def test_nothing_is_said_about_a_good_token(settings: ImapSettings, shown: str) -> None:
    assert diagnose(settings, shown, None) == []


@pytest.mark.parametrize("refusal", [None, FAILED])
@pytest.mark.parametrize(
    ("claims", "wrong"),
    [
        (
            {"aud": "https://graph.microsoft.com"},
            "for https://graph.microsoft.com, not for Exchange Online: set scope",
        ),
        ({"aud": "https://management.azure.com"}, "not for Exchange Online"),
        ({"aud": None}, "for nobody, not for Exchange Online"),
        ({"roles": None}, "lacks the role IMAP.AccessAsApp (it has none): in Entra"),
        ({"roles": ["Mail.Read"]}, "lacks the role IMAP.AccessAsApp (it has Mail.Read)"),
        (
            {"roles": None, "scp": "IMAP.AccessAsUser.All"},
            "as an application permission, not a delegated one",
        ),
        ({"tid": "another"}, f"of the tenant another, not of {TENANT}: check tenant"),
        ({"appid": "another"}, f"of the application another, not of {APPLICATION}: check client_id"),
        ({"appid": None, "azp": "another"}, "of the application another"),
    ],
)
def test_what_is_wrong_at_microsoft_is_read_from_the_claims(
    claims: dict[str, Any], wrong: str, refusal: str | None
) -> None:
    kept = {name: value for name, value in {**GOOD, **claims}.items() if value is not None}
    (sentence,) = diagnose(microsoft(), token(**kept), refusal)
    assert wrong in sentence


def test_everything_that_is_wrong_is_told() -> None:
    shown = token(-90, aud="https://graph.microsoft.com", tid="another", appid="another")
    found = diagnose(microsoft(), shown, FAILED)
    assert [sentence.split()[1] for sentence in found] == ["token"] * 5
    assert "ended 9" in found[0]


def test_a_clock_that_is_wrong_is_told() -> None:
    (sentence,) = diagnose(microsoft(), token(**GOOD, nbf=4_000_000_000), None)
    assert "The token begins in" in sentence
    assert "NTP" in sentence


def test_a_right_token_that_exchange_refuses_lacks_its_service_principal() -> None:
    (sentence,) = diagnose(microsoft(), token(**GOOD), FAILED)
    assert f"New-ServicePrincipal -AppId {APPLICATION} -ObjectId {PRINCIPAL}" in sentence
    assert f"Add-MailboxPermission -Identity {USER} -User {PRINCIPAL} -AccessRights FullAccess" in sentence
    assert f"Get-CASMailbox {USER} must show ImapEnabled True" in sentence


def test_a_right_token_that_opens_no_mailbox_lacks_a_permission() -> None:
    (sentence,) = diagnose(microsoft(), token(**GOOD), "BAD User is authenticated but not connected.")
    assert "Add-MailboxPermission" in sentence
    assert "New-ServicePrincipal" not in sentence


@pytest.mark.parametrize("settings", [microsoft(), google(), keycloak()])
@pytest.mark.parametrize(
    "refusal",
    [
        "[ALERT] Your account is not enabled for IMAP use.",
        "[ALERT] IMAP access is disabled for your domain.",
    ],
)
def test_a_protocol_that_is_off_is_told(settings: ImapSettings, refusal: str) -> None:
    assert diagnose(settings, OPAQUE, refusal) == [
        f"IMAP is switched off for {USER}: switch it on for this mailbox, or for all of them."
    ]


def test_of_an_opaque_token_it_is_told_what_can_be() -> None:
    (sentence,) = diagnose(google(), OPAQUE, "Invalid credentials (Failure)")
    assert "https://mail.google.com/" in sentence
    assert USER in sentence
    (sentence,) = diagnose(keycloak(), OPAQUE, "no")
    assert "see the log of the mail server" in sentence
    (sentence,) = diagnose(microsoft(), OPAQUE, FAILED)
    assert "the object ID of the enterprise application" in sentence


@pytest.mark.parametrize("claim", ["sub", "email", "preferred_username", "upn", "username"])
def test_a_token_elsewhere_speaks_for_the_user(claim: str) -> None:
    (sentence,) = diagnose(keycloak(), Issuer().token("x", 3600, **{claim: USER.upper()}), "no")
    assert (
        "Check that the mail server knows its issuer (https://issuer.example/), its audience (none)"
        in sentence
    )


def test_a_token_elsewhere_speaks_for_somebody_else() -> None:
    (sentence,) = diagnose(keycloak(), token(user="service-account-ruamill"), "no")
    assert f"speaks for service-account-ruamill, not for {USER}" in sentence


@pytest.mark.parametrize(
    "claims",
    [
        b"[]",
        b"{",
        b"\xff",
        b"5",
        b'{"exp": "soon", "aud": [5], "roles": {}}',
        b'{"exp": 1' + b"0" * 400 + b"}",
    ],
)
def test_claims_of_any_kind_are_read(claims: bytes) -> None:
    shown = f"eyJ.{urlsafe_b64encode(claims).decode().rstrip('=')}.x"
    assert diagnose(keycloak(), shown, None) == []
    assert diagnose(microsoft(), shown, FAILED)


@pytest.mark.parametrize("shown", ["", ".", "..", "a.b.c.d", "a.ü.c", "a.b.c"])
def test_what_is_no_token_is_opaque(shown: str) -> None:
    assert diagnose(keycloak(), shown, None) == []
