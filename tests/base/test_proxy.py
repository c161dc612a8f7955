"""Proxy URLs, and those of the environment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.proxy import Proxy
from tunnel_whisperer.base.redact import redact
from tunnel_whisperer.base.values import HostPort, Secret

# -- URLs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "scheme", "address", "user", "password"),
    [
        ("http://proxy.corp:3128", "http", "proxy.corp:3128", "", ""),
        ("http://proxy.corp", "http", "proxy.corp:80", "", ""),
        ("https://proxy.corp/", "https", "proxy.corp:443", "", ""),
        ("socks5://proxy.corp", "socks5", "proxy.corp:1080", "", ""),
        ("SOCKS5H://Proxy.Corp", "socks5", "proxy.corp:1080", "", ""),
        ("proxy.corp:8080", "http", "proxy.corp:8080", "", ""),
        (" http://[2001:db8::1]:3128 ", "http", "[2001:db8::1]:3128", "", ""),
        ("http://ann:secret@proxy.corp:3128", "http", "proxy.corp:3128", "ann", "secret"),
        ("http://ann@proxy.corp:3128", "http", "proxy.corp:3128", "ann", ""),
        ("http://CORP%5Cann:p%40ss%2f%3A@proxy.corp", "http", "proxy.corp:80", "CORP\\ann", "p@ss/:"),
        ("http://ann:p@ss:w/rd@proxy.corp:1", "http", "proxy.corp:1", "ann", "p@ss:w/rd"),
        (
            "socks5://a%3Ab:%C3%A9@10.0.0.1",
            "socks5",
            "10.0.0.1:1080",
            "a:b",
            "\N{LATIN SMALL LETTER E WITH ACUTE}",
        ),
    ],
)
def test_urls(url: str, scheme: str, address: str, user: str, password: str) -> None:
    proxy = Proxy.parse(url)
    assert (proxy.scheme, str(proxy.address), proxy.user) == (scheme, address, user)
    assert proxy.password == Secret(password)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        "ftp://proxy.corp",
        "socks4://proxy.corp",
        "http://proxy.corp:secret",
        "http://proxy.corp:3128/path",
        "http://proxy corp",
        "http://proxy.corp:99999",
        "http://:secret@proxy.corp",
        "http://ann:%ff@proxy.corp",
        "http://a%3Ab:secret@proxy.corp",
        "socks5://ann:" + "secret" * 50 + "@proxy.corp",
        "socks5://" + "secret" * 50 + "@proxy.corp",
        "http://ann:secret@proxy.corp@",
    ],
)
def test_what_is_no_proxy_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(Misuse) as caught:
        Proxy.parse(url)
    assert caught.value.code == "bad-argument"
    assert "secret" not in f"{caught.value}{caught.value.hint}"
    assert caught.value.__cause__ is None


def test_the_text_of_a_proxy_has_no_credentials() -> None:
    proxy = Proxy.parse("socks5://ann:secret@proxy.corp")
    assert str(proxy) == "socks5://proxy.corp:1080"
    for text in (repr(proxy), f"{proxy}", f"{[proxy]}"):
        assert "ann" not in text and "secret" not in text and "proxy.corp" in text


# -- the environment -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTP_PROXY": "http://a"}, None),  # for http:// only, and we speak TLS
        ({"HTTPS_PROXY": "http://a"}, "http://a:80"),
        ({"https_proxy": "http://b"}, "http://b:80"),
        ({"ALL_PROXY": "socks5://c"}, "socks5://c:1080"),
        ({"all_proxy": "socks5h://d"}, "socks5://d:1080"),
        ({"ALL_PROXY": "socks5://c", "https_proxy": "b"}, "http://b:80"),
        ({"HTTPS_PROXY": "", "ALL_PROXY": "socks5://c"}, "socks5://c:1080"),
    ],
)
def test_the_environments_proxy(environ: dict[str, str], expected: str | None) -> None:
    proxy = Proxy.from_environment("relay.example.com", environ)
    assert (None if proxy is None else str(proxy)) == expected


@pytest.mark.parametrize(
    ("host", "exempt"),
    [
        ("relay.example.com", "*"),
        ("relay.example.com", "relay.example.com"),
        ("relay.example.com", "localhost, Example.COM"),
        ("relay.example.com", ".example.com"),
        ("relay.example.com", "*.example.com"),
        ("relay.example.com", "a b .example.com"),
        ("relay.example.com", "example.com:443"),
        ("example.com", ".example.com"),
        ("10.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3", "10.1.2.3:443"),
        ("2001:db8::1", "2001:db8::/32"),
        ("2001:db8::1", "[2001:db8::1]"),
        ("2001:db8::1", "[2001:db8::1]:443"),
        ("localhost", ""),
        ("127.0.0.1", ""),
        ("127.9.9.9", ""),
        ("::1", ""),
    ],
)
def test_what_no_proxy_names_is_reached_directly(host: str, exempt: str) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        assert Proxy.from_environment(host, {"HTTPS_PROXY": "http://a", name: exempt}) is None


@pytest.mark.parametrize(
    ("host", "exempt"),
    [
        ("relay.example.com", ""),
        ("relay.example.com", "ample.com"),
        ("relay.example.com", "other.com,,."),
        ("example.com", "relay.example.com"),
        ("10.1.2.3", "11.0.0.0/8, 10.1.2.30, 3"),
        ("10.1.2.3", "2001:db8::/32"),
        ("10.1.2.3", "10.1.2.0/99"),
        ("2001:db8::1", "10.0.0.0/8"),
    ],
)
def test_everything_else_goes_through_it(host: str, exempt: str) -> None:
    environ = {"HTTPS_PROXY": "http://a", "NO_PROXY": exempt}
    assert Proxy.from_environment(host, environ) is not None
    assert Proxy.variable_for(host, environ) == "HTTPS_PROXY"


def test_a_variable_that_cannot_be_used_is_named() -> None:
    with pytest.raises(Misuse) as caught:
        Proxy.from_environment("relay.test", {"https_proxy": "gopher://ann:secret@a"})
    assert caught.value.where == "https_proxy"
    assert "secret" not in str(caught.value)


# -- what is kept ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("proxy.corp", "http://proxy.corp:80"),
        ("socks5h://Proxy.Corp/", "socks5://proxy.corp:1080"),
        ("http://ann:p@ss:w/rd@proxy.corp:1", "http://ann:p%40ss%3Aw%2Frd@proxy.corp:1"),
        ("http://CORP%5cann@[2001:db8::1]:3128", "http://CORP%5Cann@[2001:db8::1]:3128"),
        ("http://ann:@proxy.corp", "http://ann@proxy.corp:80"),
    ],
)
def test_what_is_kept_is_spelled_in_one_way(url: str, kept: str) -> None:
    proxy = Proxy.parse(url)
    assert proxy.to_url() == kept
    assert Proxy.parse(kept) == proxy


@given(
    user=st.text(st.characters(exclude_categories=["Cs"], exclude_characters=":"), min_size=1, max_size=20),
    password=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_any_credentials_survive_being_kept_and_are_redacted(user: str, password: str) -> None:
    proxy = Proxy("http", HostPort("proxy.corp", 3128), user, Secret(password))
    url = proxy.to_url()
    assert Proxy.parse(url) == proxy
    assert redact(f"proxy: {url}") == "proxy: http://<credentials>@proxy.corp:3128"


@pytest.mark.parametrize("url", ["http://proxy.corp:80/x", "http://proxy.corp/?a", "http://proxy.corp#a"])
def test_what_comes_after_the_port_is_told_how_to_be_written(url: str) -> None:
    with pytest.raises(Misuse, match="ends after the port") as caught:
        Proxy.parse(url)
    assert "%2F" in caught.value.hint
