from __future__ import annotations

import pytest

from tests.e2e.commands.conftest import Site

pytestmark = pytest.mark.e2e


def test_a_record_that_was_changed_is_found(site: Site) -> None:
    said = site.relay.ok("audit", "verify")
    assert "the chain holds" in said
    noted = next(line.split()[1] for line in said.splitlines() if line.startswith("last: "))
    assert "is part of it" in site.relay.ok("audit", "verify", "--contains", noted)
    (path,) = (site.relay.directory / "audit").glob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"server":"plant"', b'"server":"other"'))
    assert "was changed" in site.relay.refused("audit-broken", "audit", "verify")
