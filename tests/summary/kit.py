"""What the tests of summary/ judge: evidence in few words, machines, and a small catalogue."""

from datetime import date
from ipaddress import ip_network
from typing import Any

from enrich.catalogue import Catalogue, Service
from store.evidence import Evidence, Machine, Signature, SpfCheck
from summary.hosts import Known
from summary.sources import Judgement, SourceLine, judge

DOMAIN = "example.org"
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 14)


def _service(name: str, kind: str, **more: Any) -> Service:
    steps = {"dkim_step": f"{name}: switch DKIM on.", "spf_step": f"{name}: include it in SPF."}
    usual = {"url": "https://www.example.org/", "signs": True, "aligns_spf": True}
    return Service.model_validate({"name": name, "kind": kind, **usual, **steps, **more})


CATALOGUE = Catalogue(
    {
        "microsoft365": _service(
            "Microsoft 365",
            "mailbox",
            dkim_domains=("onmicrosoft.com",),
            selectors=("selector1", "selector2"),
            names=("outbound.protection.outlook.com",),
        ),
        "google_workspace": _service(
            "Google Workspace",
            "mailbox",
            dkim_domains=("gappssmtp.com",),
            selectors=("google",),
            names=("google.com",),
        ),
        "mimecast": _service(
            "Mimecast", "gateway", scans=True, selectors=("mimecast*",), owners=("Mimecast",)
        ),
        "proofpoint": _service("Proofpoint", "gateway", scans=True, owners=("Proofpoint",)),
        "mailchimp": _service(
            "Mailchimp",
            "bulk",
            aligns_spf=False,
            selectors=("k2", "k3"),
            return_paths=("rsgsv.net",),
            dkim_domains=("mailchimpapp.net",),
        ),
        "constant_contact": _service(
            "Constant Contact",
            "bulk",
            aligns_spf=False,
            return_paths=("in.constantcontact.com",),
            dkim_domains=("auth.ccsend.com",),
        ),
        "amazon_ses": _service(
            "Amazon SES", "transactional", dkim_domains=("amazonses.com",), return_paths=("amazonses.com",)
        ),
        "groups_io": _service("Groups.io", "list", return_paths=("groups.io",), dkim_domains=("groups.io",)),
        "pobox": _service("Pobox", "forwarder", return_paths=("pobox.com",)),
        "ovh": _service("OVHcloud", "hoster", owners=("OVH",)),
        "iis_smtp": _service("IIS SMTP", "relay", signs=False),
    }
)


def machine(
    address: str, *, name: str | None = None, owner: str | None = None, confirmed: bool = True
) -> Machine:
    """Look an address up."""
    return Machine(address, name, confirmed, owner, None, None, None, None, None, None, "found")


MACHINES = {
    it.source_ip: it
    for it in (
        machine(
            "40.107.21.92", name="mail-db3eur.outbound.protection.outlook.com", owner="Microsoft Corporation"
        ),
        machine(
            "40.107.8.25", name="mail-am6eur.outbound.protection.outlook.com", owner="Microsoft Corporation"
        ),
        machine("209.85.220.41", name="mail-sor-f41.google.com", owner="Google LLC"),
        machine("91.220.42.77", owner="Mimecast Services Limited"),
        machine("148.163.135.28", owner="Proofpoint, Inc."),
        machine("198.2.134.19", owner="The Rocket Science Group"),
        machine("208.75.123.146", owner="Constant Contact, Inc."),
        machine("54.240.8.33", owner="Amazon.com, Inc."),
        machine("66.175.222.108", owner="Linode"),
        machine("64.147.108.50", owner="Pobox"),
        machine("51.68.141.12", owner="OVH SAS"),
        machine("51.68.204.77", owner="OVH SAS"),
        machine("203.0.113.25", owner="Example Telecom"),
        machine("203.0.113.26", name="relay.example.org", owner="Example Telecom"),
        machine("203.0.113.27", name="relay.example.org", owner="Example Telecom", confirmed=False),
        machine("192.0.2.80", owner="Acme Mailings", name="out1.acme.example"),
        machine("192.0.2.90", owner="Customer AG", name="mx.customer.example"),
    )
}


def evidence(
    address: str | None,
    *results: str,
    messages: int = 100,
    author: str | None = DOMAIN,
    reasons: tuple[str, ...] = (),
    null_path: bool | None = None,
    **more: Any,
) -> Evidence:
    """Write evidence in the words of a report: "dkim DOMAIN SELECTOR RESULT", "spf DOMAIN RESULT [SCOPE]".

    DMARC is evaluated as a receiver does, relaxed, unless `dkim` or `spf` say what came of it.
    """
    words = [result.split() for result in results]
    signatures = tuple(Signature(it[1], it[2], it[3]) for it in words if it[0] == "dkim")
    checks = tuple(SpfCheck(it[1], it[3] if len(it) > 3 else None, it[2]) for it in words if it[0] == "spf")
    found: dict[str, Any] = {
        "source_ip": address,
        "header_from": author,
        "envelope_from": None,
        "null_path": null_path,
        "dkim": "pass" if any(it.result == "pass" and _aligned(it.domain) for it in signatures) else "fail",
        "spf": "pass" if any(it.result == "pass" and _aligned(it.domain) for it in checks) else "fail",
        "disposition": "none",
        "signatures": signatures,
        "checks": checks,
        "reasons": reasons,
        "reporters": frozenset({"google.com"}),
        "messages": messages,
        "records": 1,
        "first_day": FIRST,
        "last_day": LAST,
    }
    return Evidence(**found | more)


def _aligned(name: str | None) -> bool:
    return name is not None and (name == DOMAIN or name.endswith(f".{DOMAIN}"))


def judged(
    *pieces: Evidence, uses: tuple[str, ...] = (), networks: tuple[str, ...] = (), looked_up: bool = True
) -> Judgement:
    """Judge evidence about example.org."""
    known = Known(CATALOGUE, uses, tuple(map(ip_network, networks)))
    return judge(DOMAIN, pieces, MACHINES if looked_up else {}, known)


def line_of(judgement: Judgement, address: str) -> SourceLine:
    """Give the one line that an address is in."""
    (line,) = [it for it in judgement.lines if any(share.key == address for share in it.addresses)]
    return line


# What example.org uses, as its own mail shows.

MICROSOFT = evidence("40.107.21.92", "dkim example.org selector1 pass", "spf example.org pass", messages=5000)
MIMECAST = evidence(
    "91.220.42.77", "dkim example.org mimecast20240216 fail", "spf example.org pass", messages=900
)
MAILCHIMP = evidence(
    "198.2.134.19",
    "dkim news.example.org k2 pass",
    "spf mail19.atl11.rsgsv.net pass",
    messages=2000,
    author="news.example.org",
)
OURS = (MICROSOFT, MIMECAST, MAILCHIMP)
