from __future__ import annotations

import pexpect
import pytest

from tests.e2e.commands.conftest import Site

pytestmark = pytest.mark.e2e


def test_the_url_may_be_given_or_asked_for_and_the_password_is_never_seen(site: Site) -> None:
    out = site.server.ok("proxy", "set", "http://me:hunter2@proxy.test:3128")
    assert "hunter2" not in out
    child = site.server.terminal("proxy", "set")
    child.expect("Proxy: ")
    child.sendline("gopher://x")
    child.expect("not supported")
    child.sendline("socks5://me@other.test")
    child.expect("Password of the proxy's user: ")
    child.sendline("s3same")
    child.expect("with a password, as config.yaml says")
    child.expect(pexpect.EOF)
    assert "s3same" not in (child.before or "")
    assert "socks5://me:s3same@other.test:1080" in (site.server.directory / "config.yaml").read_text()
