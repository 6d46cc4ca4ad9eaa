"""Who reports: the styles of well-known reporters, as figures that the writers of XML and of mail go by."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Reporter:
    """One reporter and how its reports look."""

    weight: int
    org_name: str
    submitter: str
    """Its name in the subject and in the attachment's file name."""
    sender: str
    host: str
    """The machine that hands the mail over."""
    container: Literal["gz", "zip"]
    text_part: str = ""
    """What its mail says beside the attachment; empty where the mail is the attachment alone."""
    indent: str = "  "
    """Before each level of the XML; empty where it writes everything on one line."""
    envelope: bool = False
    """Tells envelope_to and envelope_from."""
    scope: bool = False
    """Tells which SPF identity was checked."""
    rfc9990: bool = False
    """The new dialect, in its namespace, instead of RFC 7489."""
    trace: Literal["plain", "exchange"] = "plain"
    """Exchange Online adds some 3 KB of headers of its own."""


REPORTERS = (
    Reporter(
        26, "google.com", "google.com", "noreply-dmarc-support@google.com", "mail-qt1-x849.google.com", "zip"
    ),
    Reporter(
        18,
        "Enterprise Outlook",
        "enterprise.protection.outlook.com",
        "dmarcreport@microsoft.com",
        "nam10-bn7-obe.outbound.protection.outlook.com",
        "gz",
        text_part="This is a DMARC aggregate report from Microsoft Corporation.",
        envelope=True,
        scope=True,
        trace="exchange",
    ),
    Reporter(
        8,
        "Outlook.com",
        "protection.outlook.com",
        "dmarcreport@microsoft.com",
        "nam04-mw2-obe.outbound.protection.outlook.com",
        "gz",
        text_part="This is a DMARC aggregate report from Microsoft Corporation.",
        envelope=True,
        scope=True,
        trace="exchange",
    ),
    Reporter(
        14,
        "Yahoo",
        "yahoo.com",
        "noreply@dmarc.yahoo.com",
        "sonic332-12.consmr.mail.ne1.yahoo.com",
        "gz",
        text_part="This is an aggregate report from Yahoo.",
    ),
    Reporter(
        8,
        "Mimecast",
        "mimecast.org",
        "no-reply@us-1.mimecastreport.com",
        "us-mta-51.us.mimecast.lan",
        "gz",
        envelope=True,
        scope=True,
    ),
    Reporter(
        6,
        "AMAZON-SES",
        "amazonses.com",
        "postmaster@amazonses.com",
        "a9-31.smtp-out.amazonses.com",
        "gz",
        text_part="This MIME email was sent through Amazon SES.",
        envelope=True,
        scope=True,
    ),
    Reporter(
        6,
        "Mail.Ru",
        "mail.ru",
        "dmarc_support@corp.mail.ru",
        "relay7.m.smailru.net",
        "gz",
        text_part="This is an aggregate report from Mail.Ru.",
        indent="",
    ),
    Reporter(
        5,
        "zoho.com",
        "zoho.com",
        "noreply-dmarc-report@zohocorp.com",
        "sender4.zohocorp.com",
        "zip",
        text_part="DMARC aggregate report.",
        scope=True,
    ),
    Reporter(
        6,
        "Fastmail Pty Ltd",
        "fastmaildmarc.com",
        "reports@fastmaildmarc.com",
        "out5-smtp.messagingengine.com",
        "gz",
        text_part="This is a DMARC aggregate report, RFC 9990.",
        envelope=True,
        scope=True,
        rfc9990=True,
        indent="\t",
    ),
    Reporter(
        3,
        "comcast.net",
        "comcast.net",
        "dmarc-reports@alerts.comcast.net",
        "resqmta-h1p-028590.sys.comcast.net",
        "gz",
        text_part="This is a DMARC aggregate report for your domain.",
        rfc9990=True,
        indent="",
    ),
)
REPORTER_WEIGHTS = tuple(reporter.weight for reporter in REPORTERS)
