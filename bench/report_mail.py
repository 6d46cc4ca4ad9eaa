"""The mail that brings one report: the report and its XML in, the bytes of the mail out, the same bytes each time."""

import gzip
import io
import zipfile
from base64 import b64encode, encodebytes
from datetime import UTC, datetime
from email.utils import format_datetime
from random import Random
from textwrap import wrap

from bench.report_xml import Report

RECIPIENT = "dmarc@mail.example"
RECEIVER = "mx.mail.example"
FIXED_DATE = (2026, 1, 1, 0, 0, 0)
"""Inside a zip, so that two runs make the same bytes."""


def mail(report: Report, xml: bytes, rng: Random) -> bytes:
    """Wrap a report as its reporter does: alone, or behind a few words of text; in either case base64."""
    sent = report.end + rng.randrange(3_600, 12 * 3_600)
    headers = [*_trace(report, sent, rng), *_addressed(report, sent, rng)]
    part = _attachment(report, xml)
    if report.reporter.text_part:
        boundary = f"=_{rng.getrandbits(96):024x}"
        headers += ["MIME-Version: 1.0", f'Content-Type: multipart/mixed; boundary="{boundary}"']
        body = _multipart(boundary, report.reporter.text_part, part)
    else:
        headers.append("MIME-Version: 1.0")
        body = part
    return "\n".join([*headers, body]).encode("ascii")


def pack(stem: str, xml: bytes, container: str) -> bytes:
    """Compress XML into a gzip stream, or into a zip with one member."""
    if container == "gz":
        return gzip.compress(xml, mtime=0)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(f"{stem}.xml", FIXED_DATE), xml, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _attachment(report: Report, xml: bytes) -> str:
    """Write the part that holds the report, its headers first."""
    container = report.reporter.container
    media_type, ending = ("application/zip", "zip") if container == "zip" else ("application/gzip", "xml.gz")
    packed = pack(report.file_stem, xml, container)
    return (
        f'Content-Type: {media_type};\n\tname="{report.file_stem}.{ending}"\n'
        f'Content-Disposition: attachment;\n\tfilename="{report.file_stem}.{ending}"\n'
        f"Content-Transfer-Encoding: base64\n\n{encodebytes(packed).decode('ascii')}"
    )


def _multipart(boundary: str, text: str, part: str) -> str:
    return (
        f"\nThis is a multi-part message in MIME format.\n\n--{boundary}\n"
        f"Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 7bit\n\n{text}\n\n"
        f"--{boundary}\n{part}\n--{boundary}--\n"
    )


def _addressed(report: Report, sent: int, rng: Random) -> list[str]:
    """Write what the sender says of itself."""
    reporter = report.reporter
    return [
        f"Date: {_date(sent)}",
        f"Message-ID: <{rng.getrandbits(128):032x}@{reporter.sender.partition('@')[2]}>",
        f"From: {reporter.sender}",
        f"To: {RECIPIENT}",
        f"Subject: Report Domain: {report.domain.name} Submitter: {reporter.submitter}\n Report-ID: <{report.report_id}>",
    ]


def _trace(report: Report, sent: int, rng: Random) -> list[str]:
    """Write what the machines on the way put on top."""
    reporter, signer = report.reporter, report.reporter.sender.partition("@")[2]
    verdict = (
        f"dkim=pass header.d={signer};\n\tspf=pass smtp.mailfrom={signer};\n\tdmarc=pass header.from={signer}"
    )
    handed_over = f"by {RECEIVER} (Postfix) with ESMTPS id {rng.getrandbits(40):010X}\n\tfor <{RECIPIENT}>"
    written = f"by {reporter.host} with ESMTP id {rng.getrandbits(48):012x}"
    trace = [
        f"Return-Path: <{reporter.sender}>",
        f"Delivered-To: {RECIPIENT}",
        f"Authentication-Results: {RECEIVER};\n\t{verdict}",
        f"Received: from {reporter.host} ({reporter.host} [192.0.2.25])\n\t{handed_over}; {_date(sent + 2)}",
        f"Received: from reports.internal ([10.161.4.115])\n\t{written};\n\t{_date(sent)}",
        _dkim_signature(signer, "DKIM-Signature", rng),
    ]
    return trace + (_exchange_trace(reporter.host, sent, rng) if reporter.trace == "exchange" else [])


def _dkim_signature(signer: str, header: str, rng: Random) -> str:
    return (
        f"{header}: v=1; a=rsa-sha256; c=relaxed/relaxed; d={signer}; s=s2048;\n"
        f"\th=Date:From:To:Subject:Message-ID:MIME-Version:Content-Type;\n\tbh={_random_base64(rng, 32)};\n"
        f"\tb={_random_base64(rng, 256)}"
    )


def _exchange_trace(host: str, sent: int, rng: Random) -> list[str]:
    """Write the many headers of Exchange Online."""
    tenant = f"{rng.getrandbits(128):032x}"
    hops = [
        f"Received: from {host}\n (2001:db8:408::{hop:x}) by {host}\n (2001:db8:2aa::{hop + 11:x}) with Microsoft"
        f" SMTP Server (version=TLS1_2,\n cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.4608.{hop};\n"
        f" {_date(sent - hop)}"
        for hop in (1, 2, 3)
    ]
    return [
        f"ARC-Seal: i=1; a=rsa-sha256; s=arcselector9901; d=microsoft.com; cv=none;\n b={_random_base64(rng, 256)}",
        _dkim_signature("microsoft.com", "ARC-Message-Signature", rng),
        *hops,
        "X-EOPAttributedMessage: 0",
        "X-MS-PublicTrafficType: Email",
        f"X-MS-Office365-Filtering-Correlation-Id: {tenant}",
        f"X-MS-Exchange-CrossTenant-Id: {tenant}",
        f"X-Microsoft-Antispam-Message-Info:\n\t{_random_base64(rng, 900)}",
        "X-Forefront-Antispam-Report:\n\tCIP:255.255.255.255;CTRY:;LANG:en;SCL:1;SRV:;IPV:NLI;SFV:NSPM",
    ]


def _random_base64(rng: Random, length: int) -> str:
    """Stand in for a signature: so many random bytes, folded."""
    return "\n\t ".join(wrap(b64encode(rng.randbytes(length)).decode("ascii"), 72))


def _date(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))
