"""The text formats of exporters, and saved answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gpumix.errors import InputError
from gpumix.telemetry.sources import promjson, promtext

NAME = "DCGM_FI_DEV_POWER_USAGE"


def page(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "page.prom"
    path.write_text(text)
    return path


def test_a_sample_without_a_time_is_as_old_as_the_file(tmp_path):
    path = page(tmp_path, f'{NAME}{{gpu="0"}} 1.5\n')
    (one,) = promtext.read_series(path)
    assert one.t.tolist() == [int(path.stat().st_mtime)]
    assert one.values.tolist() == [1.5]


def test_times_are_in_ms_and_in_openmetrics_in_s(tmp_path):
    (one,) = promtext.read_series(page(tmp_path, f"{NAME} 1 1792281600123\n"))
    assert one.t.tolist() == [1792281600]
    text = f'{NAME} 1 1792281600.9 # {{trace_id="a"}} 1\n{NAME} 2 1792281660\n# EOF\n'
    (one,) = promtext.read_series(page(tmp_path, text))
    assert one.t.tolist() == [1792281600, 1792281660]


def test_label_values_may_hold_anything(tmp_path):
    text = f'{NAME}{{ a = "x}}\\"y\\\\n,=" , b="", }} NaN\n'
    (one,) = promtext.read_series(page(tmp_path, text))
    assert one.labels == {"a": 'x}"y\\n,=', "b": ""}


def test_every_line_that_is_no_sample_is_named(tmp_path):
    with pytest.raises(InputError) as told:
        promtext.read_series(page(tmp_path, f"<html>\n{NAME} 1\n{NAME} one\n"))
    assert [problem.place.rsplit(" ", 1)[1] for problem in told.value.problems] == ["1", "3"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ([], "no status"),
        ({"status": "error", "errorType": "bad_data", "error": "parse"}, "bad_data: parse"),
        ({"status": "success", "data": {"resultType": "scalar", "result": [0, "1"]}}, "scalar"),
        ({"status": "success", "data": {"resultType": "matrix", "result": [{"a": 1}]}}, "form"),
        ({"status": "success", "data": {"resultType": "matrix"}}, "form"),
    ],
)
def test_an_answer_that_holds_no_samples_is_refused(tmp_path, answer, says):
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(answer))
    with pytest.raises(InputError, match=says):
        promjson.read_series(path)


def test_values_may_be_none_and_be_laid_out_in_any_way(tmp_path):
    values = [[1792281600.5, "NaN"], [1792281660, "+Inf"], [1792281720, "-1e+06"]]
    labels = {"__name__": NAME, "pod": '"values":[[1,"2"]]'}
    answer = {"resultType": "matrix", "result": [{"metric": labels, "values": values}]}
    for indent in (None, 2):
        path = tmp_path / "answer.json"
        path.write_text(json.dumps({"status": "success", "data": answer}, indent=indent))
        (one,) = promjson.read_series(path)
        assert one.t.tolist() == [1792281600, 1792281660, 1792281720]
        assert [str(value) for value in one.values] == ["nan", "inf", "-1000000.0"]
        assert one.labels["pod"] == '"values":[[1,"2"]]'


@pytest.mark.parametrize("values", [[[1, "2", 3]], [[1, "nan"], [2]], [["e", "1"]], [[[1, "E2"]]]])
def test_samples_that_are_none_are_refused(tmp_path, values):
    result = [{"metric": {"__name__": NAME}, "values": values}]
    answer = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(answer))
    with pytest.raises(InputError, match="form"):
        promjson.read_series(path)
