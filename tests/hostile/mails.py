"""Mails that strangers might send: parts, depth, header fields, parameters, addresses without end."""

from fixtures.carriers import attachment, entity, gzipped, multipart, text
from tests.hostile.inputs import GZIP, MAIL, REPORT, Hostile, over

MIB = 1 << 20
WITH_A_REPORT = multipart("mixed", "=_b_=", text("Hello"), attachment(GZIP, "r.xml.gz", gzipped(REPORT)))
STORED = "report$"
NOTHING = "corrupt: the mail announces a report, and none is attached"


def fields(*extra: bytes) -> bytes:
    """Write a mail with a report and these header fields."""
    return b"".join(extra) + MAIL + WITH_A_REPORT


def described(content_type: str, disposition: str = "") -> bytes:
    """Write a mail whose report is described in this way."""
    return MAIL + entity(content_type, gzipped(REPORT), "base64", disposition)


def encoded(encoding: bytes, line: bytes, before: bytes = b"", *, size: int = 31 * MIB) -> bytes:
    """Write a mail of so many bytes, of one line again and again."""
    header = b"Content-Transfer-Encoding: " + encoding + b"\n\n" + before
    return MAIL + header + line * (size // len(line))


def nested(depth: int) -> bytes:
    """Write a mail of parts in parts."""
    begun = (
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (number, number)
        for number in range(depth)
    )
    return MAIL + b"".join(begun) + b"\nHello\n"


def forwarded(depth: int) -> bytes:
    """Write a mail in a mail in a mail."""
    return MAIL + b"Content-Type: message/rfc822\n\n" * depth


def parted(number: int) -> bytes:
    """Write a mail of empty parts."""
    return MAIL + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * number


CONTINUED = "".join(f"; filename*{number}*=a" for number in range(14_000))
WORDS = b"=?utf-8?q?a?= " * 18_000
RESULTS = b"Authentication-Results: mx.example.org; dmarc=pass header.from=inselpost.example\n"

MAILS = {
    # parts
    "10,000 MIME parts": Hostile(
        lambda: MAIL + multipart("mixed", "=_b_=", *[text("Hello")] * 10_000), over("mime_parts")
    ),
    "490,000 empty MIME parts": Hostile(lambda: parted(490_000), over("mime_parts")),
    "MIME nesting 100 deep": Hostile(lambda: nested(100), over("mime_depth")),
    "MIME nesting 1,000 deep": Hostile(lambda: nested(1_000), over("mime_depth", "mime_parts")),
    "a mail in a mail 1,000 deep": Hostile(lambda: forwarded(1_000), over("mime_depth", "mime_parts")),
    "a mail in a mail 100,000 deep": Hostile(lambda: forwarded(100_000), over("mime_depth", "mime_parts")),
    # header fields
    "a header field of 6 MB": Hostile(
        lambda: fields(b"X: " + b"x" * 6_000_000 + b"\n"), over("header_bytes")
    ),
    "a header field of 10 MB": Hostile(
        lambda: fields(b"X: " + b"x" * 10_000_000 + b"\n"), over("header_bytes", "line_bytes")
    ),
    "a header field of 10 MB in 990,000 lines": Hostile(
        lambda: fields(b"X: x\n" + b" xxxxxxxx\n" * 990_000), over("header_bytes")
    ),
    "header fields of 10 MB": Hostile(lambda: fields(b"X: xxxxxxx\n" * 900_000), over("header_fields")),
    "19,000 header fields of 30 MB": Hostile(
        lambda: fields((b"X: " + b"x" * 1_600 + b"\n") * 19_000), over("headers_bytes")
    ),
    "900,000 header lines without a colon": Hostile(
        lambda: MAIL + b"x\n" * 900_000 + WITH_A_REPORT, f"{STORED}|corrupt|refused"
    ),
    "encoded words in From and Subject": Hostile(
        lambda: fields(b"From: " + WORDS + b"\n", b"Subject: " + WORDS + b"\n"), STORED
    ),
    "encoded words in a file name": Hostile(
        lambda: MAIL + attachment(GZIP, WORDS.decode(), gzipped(REPORT)), STORED
    ),
    "addresses in From": Hostile(lambda: fields(b"From: " + b"a@b.example, " * 20_000 + b"\n"), STORED),
    "comments within comments in From": Hostile(lambda: fields(b"From: " + b"(" * 250_000 + b"\n"), STORED),
    "quotes in From": Hostile(lambda: fields(b"From: " + b'"\\' * 120_000 + b"\n"), STORED),
    "angle brackets in From": Hostile(lambda: fields(b"From: " + b"<" * 250_000 + b"\n"), STORED),
    "dates of 250 KB": Hostile(
        lambda: fields(b"Date: " + b"1 " * 120_000 + b"\n", b"Received: ;" + b"1:" * 120_000 + b"\n"), STORED
    ),
    "15,000 Received fields": Hostile(
        lambda: fields(b"Received: from a by b; Tue, 3 Nov 2026 10:00:00 +0000\n" * 15_000), STORED
    ),
    "15,000 Authentication-Results fields": Hostile(lambda: fields(RESULTS * 15_000), STORED),
    "an Authentication-Results field of 250 KB": Hostile(
        lambda: fields(RESULTS.rstrip() + b"; dmarc=pass" * 20_000 + b"\n"), STORED
    ),
    "comments within comments in Authentication-Results": Hostile(
        lambda: fields(RESULTS.rstrip() + b"(" * 250_000 + b"\n"), STORED
    ),
    "19,000 Content-Type fields": Hostile(
        lambda: fields(b"Content-Type: text/plain\n" * 19_000), f"{STORED}|corrupt"
    ),
    # parameters
    "parameters of RFC 2231": Hostile(lambda: described(GZIP, "attachment" + CONTINUED), over("parameters")),
    "parameters without end": Hostile(lambda: described(GZIP + "; a=b" * 50_000), over("parameters")),
    "parameters of open quotes": Hostile(lambda: described(GZIP + '; a="\\"' * 30_000), over("parameters")),
    "a parameter of semicolons": Hostile(
        lambda: described(GZIP + '; a="' + ";" * 250_000), over("parameters")
    ),
    "parameters without end in 900 parts": Hostile(
        lambda: MAIL + multipart("mixed", "=_b_=", *[entity(GZIP + "; a=b" * 5_000, b"x")] * 900),
        over("parameters"),
    ),
    "90 long parameters in each of 900 parts": Hostile(
        lambda: MAIL + multipart("mixed", "=_b_=", *[entity(GZIP + f'; a="{"b" * 30}"' * 90, b"x")] * 900),
        NOTHING,
    ),
    # bodies
    "10,000,000 lines": Hostile(lambda: MAIL + b"\n" * 10_000_000, over("mail_lines")),
    "31 MiB in one line": Hostile(lambda: encoded(b"7bit", b"x"), over("line_bytes")),
    "31 MiB of short lines": Hostile(lambda: encoded(b"8bit", b"\xe9" * 33 + b"\n"), NOTHING),
    "31 MiB of base64": Hostile(lambda: encoded(b"base64", b"AAAA" * 19 + b"\n"), NOTHING),
    "31 MiB of base64 that is none": Hostile(lambda: encoded(b"base64", b"\xe9" * 76 + b"\n"), NOTHING),
    "31 MiB of quoted-printable": Hostile(
        lambda: encoded(b"quoted-printable", b"=3D" * 25 + b"=\n"), NOTHING
    ),
    "31 MiB of uuencode": Hostile(
        lambda: encoded(b"x-uuencode", b"M" + b"!" * 60 + b"\n", b"begin 644 a\n"), NOTHING
    ),
    "31 MiB of bytes behind a report": Hostile(
        lambda: encoded(b"binary", bytes(range(256)), gzipped(REPORT)), STORED
    ),
    "450,000 beginnings of base64": Hostile(
        lambda: MAIL + b"\n" + b"H4sI\n!\n" * 450_000, over("documents"), besides="corrupt: "
    ),
}
