"""The API does what its OpenAPI document says, for every operation, in a house of every role."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pytest
import requests
import schemathesis
from fastapi import APIRouter
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conformance import BASE, Street, alone, models_in
from tests.kit.every_role import ROLES
from tunnel_whisperer.api.app import PREFIX
from tunnel_whisperer.api.problems import PROBLEM
from tunnel_whisperer.api.routes import ROUTERS
from tunnel_whisperer.base.error_codes import ERROR_CODES

pytestmark = [pytest.mark.pages, pytest.mark.xdist_group("conformance")]

_CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    negative_data_rejection,
]

_IS_FUZZ = settings().max_examples > 1000
_EXAMPLES = 60 if _IS_FUZZ else 2
"""Of data that fits, and as many that does not, for each operation: ``make fuzz`` tries more."""

EXCLUDED = MappingProxyType(
    {
        "GET /api/v1/events": "a stream without an end: tests/api/routes/test_events.py",
        "GET /api/v1/logs/stream": "the same: tests/api/routes/test_logs.py",
    }
)
"""Operations that are not asked here, and why."""

_SETTINGS = settings(
    max_examples=_EXAMPLES,
    derandomize=not _IS_FUZZ,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    models = models_in(tmp_path_factory.mktemp("models"))
    with alone():
        street = Street(models, tmp_path_factory.mktemp("street"))
        street.furnish()
        yield street
        street.close()


@pytest.fixture(scope="module")
def document(street: Street) -> dict[str, Any]:
    asked = requests.Request("GET", f"{BASE}{PREFIX}/openapi.json").prepare()
    found: dict[str, Any] = street.ask("none", asked).json()
    return found


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, Any]:
    schema = schemathesis.openapi.from_dict(document)
    found: list[Any] = [each.ok() for each in schema.get_all_operations()]  # type: ignore[union-attr]
    return {each.label: each for each in found}


def _labels(router: APIRouter) -> list[str]:
    """Of its operations; one that only serves WebSockets has none."""
    found = []
    for route in router.routes:
        methods = getattr(route, "methods", None) or ()
        found += [f"{method} {PREFIX}{getattr(route, 'path', '')}" for method in sorted(methods)]
    return found


def test_every_route_is_an_operation(operations: dict[str, Any]) -> None:
    every = [label for router in ROUTERS for label in _labels(router)]
    assert sorted(every) == sorted(operations)
    assert set(operations) >= set(EXCLUDED)


@pytest.mark.hypothesis
@pytest.mark.parametrize("router", ROUTERS, ids=[str(router.tags[0]) for router in ROUTERS])
def test_each_answer_is_as_described(street: Street, operations: dict[str, Any], router: APIRouter) -> None:
    faults = []
    for label in _labels(router):
        if label in EXCLUDED:
            continue
        operation = operations[label]
        faults += _try(street, operation, GenerationMode.NEGATIVE)
        faults += _try(street, operation, GenerationMode.POSITIVE)
        if operation.method != "get":
            street.furnish()
    assert not faults, "\n\n".join(faults)


def _try(street: Street, operation: Any, mode: GenerationMode) -> list[str]:
    """What is wrong with it."""
    known = {role: street.known(role) for role in ROLES}

    @_SETTINGS
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def ask(case: Case[Any], data: st.DataObject) -> None:
        asked = dict(case.path_parameters or {})
        for role in ROLES:
            if mode is GenerationMode.POSITIVE:  # there is something of that name, three times of four
                for name, value in asked.items():
                    values = known[role].get(name)
                    chosen = data.draw(st.sampled_from([*values, value])) if values else value
                    case.path_parameters[name] = chosen
            _check(street, role, case)

    try:
        ask()
    except Unsatisfiable:
        given_ = [each for each in operation.iter_parameters() if each.location.value != "path"]
        fits = mode is GenerationMode.NEGATIVE and not operation.body and not given_  # any name is a name
        return [] if fits else [f"{operation.label}: no {mode.value} request can be made"]
    except (Exception, BaseExceptionGroup) as exc:
        return [f"{operation.label}, {mode.value}: {type(exc).__name__} {str(exc)[:2000]}"]
    return []


def _check(street: Street, role: str, case: Case[Any]) -> None:
    parts = case.as_transport_kwargs(base_url=BASE)
    answer = street.ask(role, requests.Request(**parts).prepare())
    described = case.operation.definition.raw["responses"]
    if answer.status_code < 400:
        assert str(answer.status_code) in described, f"{role}: {answer.status_code} is not described"
    else:
        assert answer.headers["content-type"] == PROBLEM, f"{role}: {answer.headers}"
        assert answer.json()["code"] in ERROR_CODES, f"{role}: {answer.text}"
        assert answer.status_code != 500, f"{role}: {answer.text}"
    case.validate_response(answer, checks=_CHECKS)
