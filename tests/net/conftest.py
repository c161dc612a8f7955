from __future__ import annotations

import pytest

from tests.net.certificates import Certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A relay's and its clients' certificates."""
    return Certificates(tmp_path_factory.mktemp("certificates"))
