"""A few hundred inputs to every reader; `make fuzz` gives them ten minutes each."""

from __future__ import annotations

import pytest
from bounds import attempt
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from targets import TARGETS, warm_up

TRIED = {"config": 300, "csv": 200, "table": 60, "stamps": 300, "model": 150}


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_does_more_than_be_refused(name: str) -> None:
    target = TARGETS[name]
    tried = []
    warm_up()

    @seed(0)
    @settings(
        max_examples=TRIED[name],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data: st.DataObject) -> None:
        value = data.draw(target.inputs)
        tried.append(attempt(target.read, value))

    run()
    assert len(tried) >= TRIED[name]
    assert any(tried) and not all(tried), "all taken, or all refused: the inputs are too tame"
