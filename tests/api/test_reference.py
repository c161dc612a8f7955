"""The page of the HTTP API tells every route; tests/structure holds it to what is written."""

from __future__ import annotations

import json

from tunnel_whisperer.api.reference import openapi_text, render_http_api


def test_every_route_is_on_the_page_with_its_words() -> None:
    document, page = json.loads(openapi_text()), render_http_api()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"### `{method.upper()} {path.removeprefix('/api/v1')}`\n" in page
            assert " ".join(operation["description"].split())[:60].replace("|", "\\|") in page


def test_each_answer_above_399_is_a_problem() -> None:
    document = json.loads(openapi_text())
    assert {"status", "code", "detail", "hint"} <= set(
        document["components"]["schemas"]["Problem"]["properties"]
    )
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            told = [status for status in operation["responses"] if not status.startswith("2")]
            assert "default" in told, f"{method} {path}"
            for status in told:
                (content,) = operation["responses"][status]["content"].values()
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, (
                    f"{method} {path} {status}"
                )
