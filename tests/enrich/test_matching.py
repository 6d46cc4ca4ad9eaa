"""Whose machine it is, and who signed: by the strongest evidence, and not beyond it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich.catalogue import Catalogue, Service, load
from enrich.matching import Signature, Traits, match


def service(kind: str = "bulk", **evidence: object) -> Service:
    step = "Do what the console says."
    values = {"name": "X", "kind": kind, "url": "https://x.example/", "signs": True, "aligns_spf": True}
    return Service.model_validate({**values, "dkim_step": step, "spf_step": step, **evidence})


CATALOGUE = Catalogue(
    {
        "mailer": service(
            return_paths=["rsp.example"], names=["mailer.example"], dkim_domains=["mailer.example"],
            selectors=["mailer*"], owners=["Mailer"], asns=[64500],
        ),
        "mailer_pro": service(names=["pro.mailer.example"], dkim_domains=["pro.mailer.example"]),
        "tenant": service(dkim_domains=["tickets.example"], selectors=["tick?", "s1"]),
        "outlet": service("transactional", names=["outlet.example"], return_paths=["outlet.example"], selectors=["s1"]),
        "lodger": service("crm", selectors=["lodger?", "s1", "mail"]),
        "visitor": service("shop", selectors=["visitor"], names=["visitor.example"], dkim_domains=["visitor.example"]),
        "mailbox": service("mailbox", selectors=["box1"], dkim_domains=["box.example"]),
        "cloud": service("hoster", names=["cloud.example"], owners=["Cloud"], asns=[64501]),
        "sales": service("crm", owners=["Sales Force"], selectors=["sales*"]),
        "sales_marketing": service("marketing", owners=["Sales Force"], selectors=["campaign"]),
        "sales_desk": service("tickets", owners=["Sales Force Desk"]),
    }
)  # fmt: skip


def signed(
    domain: str, selector: str | None = "x", result: str = "pass", *, aligned: bool = False
) -> Signature:
    return Signature(domain, selector, result, aligned)


OURS = signed("us.example", "mailer2024", aligned=True)


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        # the return path is its own: nobody else's machine passes SPF for it
        (
            Traits(return_paths=["us.example", "b7.rsp.example"], name="x.cloud.example", name_confirmed=True),
            ("mailer", "return_path", "SPF passed for b7.rsp.example"),
        ),
        (
            Traits(name="out7.mailer.example", name_confirmed=True, owner="Cloud Ltd", asn=64501),
            ("mailer", "name", "the machine's name is out7.mailer.example"),
        ),
        # the nearest claim above a name has it
        (
            Traits(name="out7.pro.mailer.example", name_confirmed=True),
            ("mailer_pro", "name", "the machine's name is out7.pro.mailer.example"),
        ),
        # anybody may call his machine anything
        (Traits(name="out7.mailer.example", name_confirmed=False), None),
        (Traits(name="mailer.example.evil.example", name_confirmed=True), None),
        (Traits(name="notmailer.example", name_confirmed=True), None),
        # a signature tells the machine where nothing else does
        (
            Traits(signatures=[signed("mailer.example")]),
            ("mailer", "dkim_domain", "DKIM passed for mailer.example"),
        ),
        (Traits(signatures=[signed("mailer.example", result="fail")]), None),
        # a machine whose name is no service's passes on what others signed
        *(
            (Traits(name="mx.school.example", name_confirmed=True, signatures=[signed(domain)]), None)
            for domain in ("mailer.example", "m.tickets.example")
        ),
        # and so does one at a hoster, if the service's own machines have other names
        (
            Traits(name="vm1.cloud.example", name_confirmed=True, signatures=[signed("mailer.example")]),
            ("cloud", "name", "the machine's name is vm1.cloud.example"),
        ),
        # a service that has no machines of its own stands on somebody's floor
        (
            Traits(name="vm1.cloud.example", name_confirmed=True, signatures=[signed("m.tickets.example")]),
            ("tenant", "dkim_domain", "DKIM passed for m.tickets.example"),
        ),
        (
            Traits(owner="Cloud Ltd", signatures=[signed("m.tickets.example")]),
            ("tenant", "dkim_domain", "DKIM passed for m.tickets.example"),
        ),
        # a customer's own name for a machine that he rents from the service: the network tells
        (
            Traits(name="o1.us.example", name_confirmed=True, owner="MAILER, Inc.", signatures=[OURS]),
            ("mailer", "owner", "in a network of MAILER, Inc."),
        ),
        (Traits(owner="Mailers Guild"), None),
        (Traits(owner="The Mailer"), None),
        (Traits(owner="Mailer", asn=64501), ("mailer", "owner", "in a network of Mailer")),
        (Traits(asn=64500), ("mailer", "asn", "in a network announced by AS64500")),
        (
            Traits(owner="Somebody", as_name="MAILER-AS, US"),
            ("mailer", "asn", "in a network announced by MAILER-AS, US"),
        ),
        # a service that sends through the machines of one which takes mail from nobody but its customers
        (
            Traits(return_paths=["em7.outlet.example"], signatures=[OURS, signed("us.example", "lodger2", aligned=True)]),
            ("lodger", "selector", "DKIM passed for us.example, selector lodger2; SPF passed for em7.outlet.example"),
        ),
        (
            Traits(name="o1.outlet.example", name_confirmed=True, signatures=[signed("visitor.example")]),
            ("visitor", "dkim_domain", "DKIM passed for visitor.example, selector x; the machine's name is o1.outlet.example"),
        ),
        # and what shows no such service: a signature that fails or is another's, a selector that several have, anybody
        # has, or one with machines of its own; a mailbox whose mail is relayed there
        *(
            (
                Traits(return_paths=["outlet.example"], signatures=[signature]),
                ("outlet", "return_path", "SPF passed for outlet.example"),
            )
            for signature in (
                signed("us.example", "lodger2", "fail", aligned=True),
                signed("them.example", "lodger2"),
                signed("us.example", "s1", aligned=True),
                signed("us.example", "mail", aligned=True),
                signed("us.example", "visitor", aligned=True),
                signed("us.example", "box1", aligned=True),
                signed("us.box.example"),
                signed("outlet.example", None),
            )
        ),
        # several services of one owner: a selector decides, and nothing else does
        (Traits(owner="Sales Force, Inc."), None),
        (
            Traits(owner="Sales Force, Inc.", signatures=[signed("us.example", "Campaign", aligned=True)]),
            ("sales_marketing", "selector", "in a network of Sales Force, Inc., DKIM selector Campaign"),
        ),
        (Traits(owner="Sales Force, Inc.", signatures=[signed("them.example", "campaign")]), None),
        (Traits(owner="Sales-Force Desk"), ("sales_desk", "owner", "in a network of Sales-Force Desk")),
        # a selector alone tells nothing of a machine
        (Traits(signatures=[OURS]), None),
        (Traits(), None),
    ],
    ids=str,
)  # fmt: skip
def test_whose_machine(traits: Traits, expected: tuple[str, str, str] | None) -> None:
    found = match(CATALOGUE, traits)
    assert (found and (found.service, found.kind, found.evidence)) == expected


def test_own_entries_have_what_both_claim() -> None:
    own = {"mine": service(return_paths=["rsp.example"])}
    found = match(Catalogue({**CATALOGUE.services, **own}), Traits(return_paths=["b7.rsp.example"]))
    assert found
    assert found.service == "mine"


def test_a_catalogue_without_services_knows_nobody() -> None:
    traits = Traits(
        "a.example", name_confirmed=True, owner="A", asn=1, signatures=[OURS], return_paths=["a.example"]
    )
    assert match(Catalogue({}), traits) is None


SHIPPED = load()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mail-bn8nam12on2092.outbound.protection.outlook.com", "microsoft365"),
        ("mail-sor-f41.google.com", "google_workspace"),
        ("115.64.90.34.bc.googleusercontent.com", "google_cloud"),
        ("us-smtp-delivery-124.mimecast.com", "mimecast"),
        ("mx0a-00169c01.pphosted.com", "proofpoint"),
        ("dispatch1-us1.ppe-hosted.com", "proofpoint_essentials"),
        ("esa3.hc4125-50.iphmx.com", "cisco_iphmx"),
        ("outbound-ip24b.ess.barracudanetworks.com", "barracuda"),
        ("outbound-ip24b.ess.barracuda.com", "barracuda"),
        ("za-smtp-delivery-57.mimecast.co.za", "mimecast"),
        ("mail-bn3usg02on0043.outbound.protection.office365.us", "microsoft365"),
        ("smtpcmd0987.aruba.it", "aruba"),
        ("host36-195-149-62.serverdedicati.aruba.it", "aruba_servers"),
        ("ov-6f2a3c.infomaniak.ch", None),
        ("a8-50.smtp-out.amazonses.com", "amazon_ses"),
        ("ec2-3-80-1-2.compute-1.amazonaws.com", "aws_ec2"),
        ("wrqvtzvf.outbound-mail.sendgrid.net", "sendgrid"),
        ("mail19.atl11.rsgsv.net", "mailchimp"),
        ("mail187-11.suw11.mandrillapp.com", "mandrill"),
        ("ccm29.constantcontact.com", "constant_contact"),
        ("smtp07-ia4-sp1.mta.salesforce.com", "salesforce"),
        ("mta.s10.exacttarget.com", "salesforce_marketing_cloud"),
        ("outbyoip1.pod17.euw1.zdsys.com", "zendesk"),
        ("sender4-of-o50.zoho.com", "zoho_mail"),
        ("m204-227.eu.mailgun.net", "mailgun"),
        ("p3plwbeout03-01.prod.phx3.secureserver.net", "godaddy_mail"),
        ("199.64.167.72.host.secureserver.net", "godaddy"),
        ("static.27.115.9.5.clients.your-server.de", "hetzner"),
        ("ba-eg.cloudflare-email.net", "cloudflare_email_routing"),
        ("mailout12.t-online.de", "t_online"),
        ("mail.example.org", None),
    ],
)
def test_the_catalogue_knows_machines_that_postmasters_meet(name: str, expected: str | None) -> None:
    found = match(SHIPPED, Traits(name, name_confirmed=True))
    assert (found and found.service) == expected


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        (Traits(return_paths=["x.amazonses.com"], signatures=[signed("us.example", "resend", aligned=True)]), "resend"),
        (Traits(return_paths=["x.amazonses.com"], signatures=[signed("amazonses.com")]), "amazon_ses"),
        (Traits("mta-1.intercom.com.sparkpostmail.com", name_confirmed=True, signatures=[signed("us.example", "intercom", aligned=True)]), "intercom"),
        (Traits(return_paths=["x.amazonses.com"], signatures=[signed("us.example", "atlassian-1a2b3c", aligned=True)]), "atlassian"),
        (Traits(owner="Yahoo Japan Corporation"), "yahoo_japan"),
        (Traits(owner="Zoho Corporation"), None),
        (Traits("mta7.crm.example.org", name_confirmed=True, owner="Salesforce.com, Inc.", asn=14340), None),
        (Traits(return_paths=["sendgrid.net"], signatures=[signed("us.example", "s1", aligned=True)]), "sendgrid"),
        (Traits(owner="Microsoft Corporation", signatures=[signed("us.example", "selector1", aligned=True)]), "microsoft365"),
        (Traits(owner="Microsoft Corporation"), None),
        (Traits(owner="Google LLC", asn=396982), "google_cloud"),
        (Traits(owner="Amazon Technologies Inc.", as_name="AMAZON-02, US"), "aws_ec2"),
        (Traits(owner="Amazonas Telecom"), None),
        (Traits(owner="Apple Valley School District"), None),
        (Traits(signatures=[signed("example.onmicrosoft.com", "selector1-example-onmicrosoft-com")]), "microsoft365"),
        (Traits(signatures=[signed("example-org.20230601.gappssmtp.com", "20230601")]), "google_workspace"),
    ],
    ids=str,
)  # fmt: skip
def test_the_catalogue_tells_neighbours_apart(traits: Traits, expected: str | None) -> None:
    found = match(SHIPPED, traits)
    assert (found and found.service) == expected


TEXT = (
    st.none() | st.text() | st.sampled_from(["a.mailer.example", "Sales Force", ".", "..", "mailer.example."])
)


@given(
    st.builds(
        Traits,
        name=TEXT,
        name_confirmed=st.booleans(),
        owner=TEXT,
        as_name=TEXT,
        asn=st.none() | st.integers(),
        signatures=st.lists(st.builds(Signature, TEXT, TEXT, TEXT, st.booleans())),
        return_paths=st.lists(st.text()),
    )
)
def test_nothing_that_strangers_write_upsets_it(traits: Traits) -> None:
    found = match(CATALOGUE, traits)
    assert found is None or found.service in CATALOGUE.services
