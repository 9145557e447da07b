"""The API fuzzed from its own description: never a server error, never an undescribed answer."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings

pytestmark = pytest.mark.slow
schemathesis = pytest.importorskip("schemathesis")

# /events never ends; jobs start processes and have tests of their own
_LEFT_OUT = ("/api/events", "/finish/map", "/finish/resume", "/finish/sample", "/finish/assess")


def test_no_call_breaks_the_server(client: TestClient) -> None:
    schema = schemathesis.openapi.from_dict(client.get("/api/openapi.json").json())
    n_calls = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.endswith(_LEFT_OUT):
            continue

        @settings(
            max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        def call(case: object) -> None:
            nonlocal n_calls
            arguments = case.as_transport_kwargs()  # type: ignore[attr-defined]
            arguments["headers"] = dict(client.headers)
            arguments.pop("cookies", None)
            url = arguments.pop("url").replace("http://127.0.0.1:8765", "")
            answer = client.request(arguments.pop("method"), url, **arguments)
            n_calls += 1
            assert answer.status_code < 500, (url, arguments, answer.text)
            if answer.status_code >= 400 and answer.status_code != 405:
                assert isinstance(answer.json()["detail"], str)

        given(case=operation.as_strategy())(call)()
    assert n_calls > 100
