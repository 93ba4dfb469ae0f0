"""URLs are read in one way or refused; addresses that are not public need to be listed, and some are never called."""

from ipaddress import ip_address

import pytest

from langorch.lib.egress import KINDS, LOOPBACK, Egress, Forbidden, read

REFUSED = r"""
ftp://example.com/ file:///etc/passwd gopher://example.com/ //example.com/ example.com http: http:// http:///x
javascript:alert(1) ws://example.com/ unix:///run/x.sock dict://example.com/ data:text/plain,x https:example.com
http://user@example.com/ http://user:word@example.com/ http://example.com@127.0.0.1/ http://:@example.com/
http://@example.com/ http://example.com:@127.0.0.1/ http://127.0.0.1:80@example.com/
http://2130706433/ http://0x7f000001/ http://0x7f.0.0.1/ http://0x7F.1/ http://017700000001/ http://0177.0.0.1/
http://127.1/ http://127.0.1/ http://127.0.0.01/ http://127.0.0.0x1/ http://0/ http://00000000/ http://1/ http://0x/
http://127.0.0.1.1/ http://256.0.0.1/ http://4294967296/ http://example.0x7f/ http://example.1/
http://127.0.0.1./ http://localhost./ http://example.com./ http://.example.com/ http://example..com/ http://./
http://[::ffff:127.0.0.1%25eth0]/ http://[fe80::1%25lo]/ http://[::1%lo]/ http://[127.0.0.1]/ http://[::1/ http://::1/
http://[v1.x]/ http://[]/ http://[::1]x/ http://[::1]:x/ http://x[::1]/ http://[::1][::1]/
http://example.com:0/ http://example.com:65536/ http://example.com:-1/ http://example.com:8a/ http://example.com:/
http://example.com:80:80/ http://exa%6dple.com/ http://127.0.0.1%2f@example.com/ http://127%2e0%2e0%2e1/
http://-example.com/ http://example-.com/ http://exam!ple.com/ http://a,b.com/ http://a*b/ http://a;b/ http://a'b/
http://example.com\@127.0.0.1/ http:\\127.0.0.1\ http://127.0.0.1\.example.com/ http://exa<mple.com/ http://{x}.com/
http://１２７.0.0.1/ http://①②⑦.0.0.1/ http://ｌocalhost/ http://ⓛocalhost/ http://127。0。0。1/ http://münchen.example/
""".split()
WITH_ODD_CHARACTERS = [
    "http://ex\u00adample.com/",
    "http://exam\tple.com/",
    "http://exam\nple.com/",
    "http://exam ple.com/",
    "\x01http://example.com/",
    " http://example.com/",
    "http://example.com/ ",
    "http://example.com/\r\nHost:x",
    "http://example.com/\x00",
    "http://example.com/?a=\u2028",
    "",
]


@pytest.mark.parametrize("url", REFUSED + WITH_ODD_CHARACTERS)
def test_unclear_urls_are_refused(url: str) -> None:
    with pytest.raises(Forbidden) as caught:
        read(url)
    assert "?" not in str(caught.value)


def test_there_are_enough_forms() -> None:
    assert len(set(REFUSED)) >= 80


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("http://example.com", "example.com", 80, "/", "example.com"),
        ("https://Example.COM:8443/a/b?c=d&e=%20#f", "example.com", 8443, "/a/b?c=d&e=%20", "example.com:8443"),
        ("https://example.com:443/", "example.com", 443, "/", "example.com"),
        ("http://10.0.0.1:80/x", "10.0.0.1", 80, "/x", "10.0.0.1"),
        ("http://[2001:DB8::1]:8080/x", "2001:db8::1", 8080, "/x", "[2001:db8::1]:8080"),
        ("http://my_service.internal/x@y:z", "my_service.internal", 80, "/x@y:z", "my_service.internal"),
        ("http://3com.example/", "3com.example", 80, "/", "3com.example"),
        ("http://xn--mnchen-3ya.example/?a=@b", "xn--mnchen-3ya.example", 80, "/?a=@b", "xn--mnchen-3ya.example"),
    ],
)
def test_plain_urls_are_read(url: str, host: str, port: int, path: str, authority: str) -> None:
    target = read(url)
    assert (target.host, target.port, target.path, target.authority) == (host, port, path, authority)


NEVER = """
0.0.0.0 0.1.2.3 169.254.169.254 169.254.0.1 100.100.100.200 168.63.129.16 192.0.0.192 224.0.0.1 239.255.255.250
240.0.0.1 255.255.255.255 192.88.99.1 :: ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:8.8.8.8 2002:7f00:1::
2001:0:7f00:1:: fe80::1 ff02::1 fd00:ec2::254 fd20:ce::254 64:ff9b::a9fe:a9fe 64:ff9b:1::1
""".split()
INSIDE = """
127.0.0.1 127.255.255.254 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 192.0.0.9 192.0.2.1 198.18.0.1
198.51.100.1 203.0.113.1 ::1 fc00::1 fd12:3456::1 fec0::1 2001:db8::1 64:ff9b::7f00:1 64:ff9b::a00:1
100::1 3fff::1 5f00::1 ::7f00:1
""".split()
PUBLIC = (
    "1.1.1.1 8.8.8.8 93.184.215.14 172.32.0.1 192.169.0.1 2606:4700:4700::1111 2a00:1450::1 64:ff9b::808:808".split()
)
EVERYTHING = Egress.parse(f"{kind}={network}" for kind in KINDS for network in ("0.0.0.0/0", "::/0"))


@pytest.mark.parametrize("text", NEVER)
def test_some_addresses_are_never_called_whatever_is_allowed(text: str) -> None:
    with pytest.raises(Forbidden):
        EVERYTHING.check("agent", "x", ip_address(text))


@pytest.mark.parametrize("text", INSIDE)
def test_addresses_inside_need_to_be_listed(text: str) -> None:
    with pytest.raises(Forbidden, match="EGRESS_ALLOW does not list it for webhook calls"):
        Egress().check("webhook", "x", ip_address(text))
    EVERYTHING.check("webhook", "x", ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_open(text: str) -> None:
    Egress().check("oidc", "x", ip_address(text))


def test_loopback_by_default_is_for_agents_tools_and_models() -> None:
    default = Egress.parse(LOOPBACK)
    for kind in ("agent", "mcp", "llm"):
        default.check(kind, "localhost", ip_address("127.0.0.1"))
        default.check(kind, "localhost", ip_address("::1"))
    for kind in ("webhook", "secrets", "oidc"):
        with pytest.raises(Forbidden):
            default.check(kind, "localhost", ip_address("127.0.0.1"))
    with pytest.raises(Forbidden):
        default.check("agent", "x", ip_address("10.0.0.1"))


def test_a_listed_host_may_be_inside_and_only_that_host() -> None:
    listed = Egress.parse(["agent=tools.internal", "LLM = 10.1.0.0/16"])
    listed.check("agent", "tools.internal", ip_address("10.2.3.4"))
    listed.check("llm", "anything", ip_address("10.1.2.3"))
    for kind, host, address in [
        ("agent", "other.internal", "10.2.3.4"),
        ("webhook", "tools.internal", "10.2.3.4"),
        ("llm", "x", "10.2.0.1"),
        ("agent", "tools.internal", "169.254.169.254"),
    ]:
        with pytest.raises(Forbidden):
            listed.check(kind, host, ip_address(address))


@pytest.mark.parametrize(
    "entry",
    [
        "agent",
        "agent=",
        "fax=10.0.0.0/8",
        "=10.0.0.1",
        "agent=10.0.0.1/8",
        "agent=10.0.0.0/33",
        "agent=0x7f.1",
        "agent=a b",
    ],
)
def test_entries_that_cannot_be_read_are_faults(entry: str) -> None:
    with pytest.raises(ValueError):
        Egress.parse([entry])
