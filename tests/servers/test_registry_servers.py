"""The loopback registries: records out of a file in, answers out; a command finds them in its environment."""

import json
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from dns.resolver import NXDOMAIN, Resolver

from enrich.name_servers import name_servers
from fixtures.registries.server import Network, Records, RegistryServers

ROOT = Path(__file__).parents[2]
FILE = ROOT / "fixtures" / "registries" / "networks.toml"


def resolver(servers: RegistryServers) -> Resolver:
    made = Resolver(configure=False)
    made.nameservers = name_servers(servers.name_servers)
    return made


def texts(servers: RegistryServers, name: str, kind: str) -> list[str]:
    return sorted(record.to_text() for record in resolver(servers).resolve(name, kind))


def test_the_narrowest_network_answers() -> None:
    wide = Network(ip_address("8.0.0.0"), ip_address("8.255.255.255"), "arin", "WIDE")
    records = Records((wide, *Records.load(FILE).networks))
    inner, outer = records.network(ip_address("8.8.8.8")), records.network(ip_address("8.8.9.8"))
    assert inner
    assert inner.handle == "NET-8-8-8-0-2"
    assert outer == wide
    assert records.network(ip_address("9.9.9.9")) is None
    assert records.network(ip_address("::808:808")) is None


def test_a_slip_in_the_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "records.toml"
    file.write_text('[[network]]\nrange = "8.8.8.0/24"\nregistry = "arin"\nhandle = "H"\nowners = "x"\n')
    with pytest.raises(TypeError, match="owners"):
        Records.load(file)


def test_reverse_names_confirm_or_not_and_zones_are_delegated() -> None:
    with RegistryServers(Records.load(FILE)) as servers:
        assert texts(servers, "1.0.0.193.in-addr.arpa", "PTR") == [
            "a.east.example.com.",
            "b.east.example.com.",
        ]
        assert texts(servers, "A.East.example.com", "A") == ["193.0.0.1"]
        assert texts(servers, "9.8.8.8.in-addr.arpa", "PTR") == ["mail.example.org."]
        with pytest.raises(NXDOMAIN):
            texts(servers, "mail.example.org", "A")
        answer = resolver(servers).resolve("65.1.0.193.in-addr.arpa", "PTR")
        assert answer.canonical_name.to_text() == "delegated.65.1.0.193.in-addr.arpa."
        assert [record.to_text() for record in answer] == ["mail.delegated.example.com."]
        assert servers.queries == {"PTR": 3, "A": 2}


def test_what_does_not_fit_into_a_datagram_comes_by_tcp() -> None:
    names = tuple(f"a-rather-long-name-{number}.example.com" for number in range(60))
    with RegistryServers(Records(names={ip_address("8.8.8.8"): names})) as servers:
        assert len(texts(servers, "8.8.8.8.in-addr.arpa", "PTR")) == 60
        assert servers.queries == {"PTR": 2}


def test_each_registry_answers_below_its_own_path() -> None:
    with RegistryServers(Records.load(FILE)) as servers:
        with urlopen(f"{servers.base_urls['arin']}ip/8.8.8.8") as response:  # noqa: S310 (loopback)
            assert response.headers["Content-Type"] == "application/rdap+json"
            assert json.load(response)["name"] == "EXAMPLE-WEST"
        with pytest.raises(HTTPError) as error, urlopen(f"{servers.base_urls['apnic']}ip/9.9.9.9"):  # noqa: S310 (loopback)
            pass
        with error.value as refusal:
            assert refusal.code == 404
            assert json.load(refusal)["errorCode"] == 404


@pytest.mark.parametrize("status", [0, 3])
def test_a_command_finds_the_servers_in_its_environment(status: int) -> None:
    program = f"import os, sys; print(os.environ['RUAMILL_ENRICH__NAME_SERVERS']); sys.exit({status})"
    servers = [sys.executable, "-m", "fixtures.registries", "--data", str(FILE)]
    command = [*servers, "--", sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    assert done.stdout.startswith("127.0.0.1:")
