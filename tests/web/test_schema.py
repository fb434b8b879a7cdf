"""Every address of the API holds what its description says, whatever is asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402
from tests.web import web_fixture  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
EXAMPLES = 12
"""Questions to each address."""
# not asked: positive_data_acceptance, for a name may be written well and belong to nothing
HOST = {"host": web_fixture.ADDRESS.partition("://")[2]}


def test_the_api_holds_what_it_says(tmp_path: Path) -> None:
    web_fixture.write_plan(tmp_path / "shown", "dhaka")
    app = web_fixture.application(tmp_path / "shown")
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers=HOST)
    wrong: dict[str, str] = {}
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            case.call_and_validate(headers=HOST, excluded_checks=[positive_data_acceptance])

        try:
            ask()
        except (Exception, BaseExceptionGroup) as error:  # all of them are told at once
            wrong[operation.label] = str(error)
    assert not wrong, "\n\n".join(f"{label}\n{words}" for label, words in wrong.items())
