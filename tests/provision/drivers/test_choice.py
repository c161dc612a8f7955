"""From a provider's name to its driver."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Secret
from tunnel_whisperer.provision.drivers import PROVIDERS, Credentials, open_driver

CREDENTIALS = Credentials(Secret("s" * 64), "AKIAXXXXXXXXXXXXXXXX")


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_each_provider_has_a_driver_and_tells_nobody_its_credentials(name: str) -> None:
    driver = open_driver(name, CREDENTIALS)
    assert driver.provider == name
    assert "s" * 64 not in repr(driver) + repr(vars(driver)) + repr(CREDENTIALS)


def test_an_unknown_provider_is_told_with_those_that_there_are() -> None:
    with pytest.raises(Misuse) as caught:
        open_driver("acme", CREDENTIALS)
    assert caught.value.code == "no-such-name" and "hetzner" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "library"), [(name, library) for name in PROVIDERS for library in PROVIDERS[name].libraries]
)
def test_a_library_that_is_missing_is_named_with_its_extra(
    name: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [
        module for module in sys.modules if module.startswith("tunnel_whisperer.provision.drivers.")
    ]:
        if module.rpartition(".")[2].startswith(PROVIDERS[name].module):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(Misuse) as caught:
        open_driver(name, CREDENTIALS)
    assert caught.value.code == "cloud-sdk-missing"
    assert caught.value.hint == f"pip install 'tunnel-whisperer[{name}]'"


def test_a_fault_of_ours_in_a_driver_is_not_taken_for_a_missing_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*args: object) -> None:
        raise ModuleNotFoundError("No module named 'decimals'", name="decimals")

    monkeypatch.setattr("importlib.import_module", broken)
    with pytest.raises(ModuleNotFoundError):
        open_driver("hetzner", CREDENTIALS)


def test_no_library_of_a_provider_is_loaded_before_it_is_needed() -> None:
    code = "import sys, tunnel_whisperer.provision.state; print(sorted({'hcloud', 'boto3', 'httpx'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
