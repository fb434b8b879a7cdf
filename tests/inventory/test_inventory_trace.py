"""Traces: what is read out of them, and every line that cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from gpumix.errors import InputError
from gpumix.inventory.trace import rank_correlation, read_requests, read_trace

HEADER = "arrival_s,input_tokens,output_tokens\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "requests.csv"


def refusal(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_trace(path)
    return str(caught.value)


def week(path: Path, per_hour: list[int]) -> None:
    """A request count for every hour of a week, evenly within the hour."""
    rows = [
        f"{hour * 3600 + 3600 * (i + 0.5) / count},{100 + i % 3},{10 * (i % 2)}"
        for hour, count in enumerate(per_hour)
        for i in range(count)
    ]
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")


def test_a_week_is_read_back_hour_by_hour(path: Path) -> None:
    per_hour = [20 + (hour % 24) + 5 * (hour // 24) for hour in range(168)]
    week(path, per_hour)
    profile, busiest = read_trace(path)
    assert busiest == pytest.approx(max(per_hour) / 3600.0)
    assert np.allclose(np.array(profile.hour_of_week) * max(per_hour), per_hour)
    assert profile.note == ""
    assert profile.id == "requests.csv"


def test_lengths(path: Path) -> None:
    path.write_text(HEADER + "0,100,10\n1,200,20\n2,300,30\n3,400,0\n", encoding="utf-8")
    profile, busiest = read_trace(path)
    assert profile.input.mean == 250.0
    assert profile.input.cv == pytest.approx(np.std([100, 200, 300, 400]) / 250.0)
    assert profile.input.quantile(0.5) == 250.0
    assert profile.input.quantile(1.0) == 400.0
    assert profile.output.mean == 15.0
    assert profile.arrival_cv == 0.0
    assert profile.hour_of_week == (1.0,) * 168
    assert busiest == pytest.approx(4 / 3)


def test_burstiness_of_poisson_and_of_bursts(path: Path) -> None:
    rng = np.random.default_rng(1)
    for gaps, low, high in [
        (rng.exponential(1.0, 4000), 0.95, 1.05),
        (np.tile([0.0, 0.0, 0.0, 4.0], 1000), 1.7, 1.8),
    ]:
        rows = "\n".join(f"{t},10,10" for t in np.cumsum(gaps))
        path.write_text(HEADER + rows, encoding="utf-8")
        assert low < read_trace(path)[0].arrival_cv < high


def test_days_are_taken_alike_where_there_is_no_week(path: Path) -> None:
    week(path, [50 if hour % 24 == 9 else 10 for hour in range(48)])
    profile, busiest = read_trace(path)
    assert busiest == pytest.approx(50 / 3600.0)
    assert np.argmax(profile.hour_of_week) % 24 == 9
    assert profile.hour_of_week[:24] * 7 == profile.hour_of_week
    assert "shorter than a week" in profile.note


def test_clock_that_starts_late_keeps_its_hours(path: Path) -> None:
    """Time counts from Monday 00:00, wherever the first request stands."""
    week(path, [0] * 30 + [40 if hour % 24 == 9 else 10 for hour in range(30, 78)])
    assert np.argmax(read_trace(path)[0].hour_of_week) % 24 == 9


def test_other_columns_names_and_archives(tmp_path: Path) -> None:
    import gzip

    text = "id,output_tokens,t_s,input_tokens\na,1,0,5\n\nb,2,1,6\n"
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    assert read_trace(path)[0].input.mean == 5.5


def test_bad_cells_of_all_columns_at_once_by_line(path: Path) -> None:
    message = refusal(
        path, HEADER + "0,100,10\n\n1,abc,10\n2,,10\nx,100,-1\n4,nan,inf\n-5,0,1e99\n"
    )
    for words in (
        "line 4: input_tokens is 'abc'",
        "line 5: input_tokens is missing",
        "line 6: arrival_s is 'x'",
        "line 6: output_tokens is '-1'",
        "line 7: input_tokens is 'nan'",
        "line 7: output_tokens is 'inf'",
        "line 8: arrival_s is '-5'",
        "line 8: input_tokens is '0'",
        "line 8: output_tokens is '1e99'",
    ):
        assert words in message


def test_many_bad_cells_make_a_short_answer(path: Path) -> None:
    message = refusal(path, HEADER + "x,10,10\n" * 1000)
    assert len(message.splitlines()) == 6
    assert "and 995 more" in message


def test_unsorted_names_the_first_line(path: Path) -> None:
    message = refusal(path, HEADER + "0,1,1\n5,1,1\n\n3,1,1\n2,1,1\n")
    assert "line 5: arrival_s falls (here and once more)" in message
    assert "sort" in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        (HEADER, "holds 0 requests"),
        (HEADER + "0,1,1\n", "holds 1 requests"),
        ("a,b\n1,2\n", "has no column arrival_s, input_tokens, output_tokens"),
        ("arrival_s,input_tokens\n0,1\n", "has no column output_tokens"),
        ("arrival_s;input_tokens;output_tokens\n0;1;1\n", "it has 'arrival_s;input_tokens;out"),
        (HEADER + "0,1\n1,1,1\n", "line 2: 2 cells"),
        (HEADER + '0,1,1\n1,"1,1\n', "not valid CSV"),
        (HEADER + "0,1,1\n99999999999,1,1\n", "spans 1,157,407 days"),
    ],
)
def test_no_trace(path: Path, text: str, says: str) -> None:
    assert says in refusal(path, text)


def test_neither_file(tmp_path: Path) -> None:
    for name in ("t.csv", "t.parquet"):
        with pytest.raises(InputError, match="no such file"):
            read_trace(tmp_path / name)
        (tmp_path / name).mkdir()
        with pytest.raises(InputError, match="is a directory"):
            read_trace(tmp_path / name)


def test_requests_all_at_once(path: Path) -> None:
    path.write_text(HEADER + "7,10,10\n7,10,10\n7,10,10\n", encoding="utf-8")
    profile, busiest = read_trace(path)
    assert busiest == 3.0
    assert profile.arrival_cv == 1.0


def test_parquet_is_the_same(tmp_path: Path, path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path.write_text(HEADER + "0,100,10\n1.5,200,20\n9,300,30\n", encoding="utf-8")
    columns = {
        "arrival_s": [0.0, 1.5, 9.0], "input_tokens": [100, 200, 300], "output_tokens": [10, 20, 30]
    }  # fmt: skip
    other = tmp_path / "requests.parquet"
    parquet.write_table(pa.table(columns), other)
    csv_profile, csv_rate = read_trace(path)
    profile, rate = read_trace(other)
    assert (profile.input, profile.output, profile.arrival_cv, rate) == (
        csv_profile.input, csv_profile.output, csv_profile.arrival_cv, csv_rate,
    )  # fmt: skip
    parquet.write_table(pa.table(columns | {"input_tokens": [100, None, -3]}), other)
    with pytest.raises(InputError) as caught:
        read_trace(other)
    assert "row 2: input_tokens is missing" in str(caught.value)
    assert "row 3: input_tokens is '-3'" in str(caught.value)
    other.write_text("no parquet", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_trace(other)


# -- public formats --------------------------------------------------------------------------


def test_azure_times_count_from_monday(path: Path) -> None:
    path.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,109\n",
        encoding="utf-8",
    )
    found = read_requests(path)
    thursday = 3 * 86_400 + 18 * 3600 + 15 * 60
    assert found.arrival_s == pytest.approx([thursday + 46.68059, thursday + 50.995169])
    assert found.input_tokens.tolist() == [374, 396]
    assert found.output_tokens.tolist() == [44, 109]


def test_azure_times_with_a_zone(path: Path) -> None:
    path.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2024-05-13 00:00:01.5+00:00,3,4\n2024-05-13 00:00:02+00:00,5,6\n",
        encoding="utf-8",
    )
    assert read_requests(path).arrival_s == pytest.approx([1.5, 2.0])


def test_burst_gpt(path: Path) -> None:
    path.write_text(
        "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,"
        "Log Type\n5,1,2,ChatGPT,472,18,490,Conversation log\n"
        "45,2,3,ChatGPT,1087,0,1087,API log\n",
        encoding="utf-8",
    )
    found = read_requests(path)
    assert found.arrival_s.tolist() == [5.0, 45.0]
    assert found.output_tokens.tolist() == [18, 0]


def test_mooncake_lines_share_prefixes(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(
        '{"timestamp": 0, "input_length": 1500, "output_length": 52, "hash_ids": [46, 47, 48]}\n'
        '{"timestamp": 3052, "input_length": 1200, "output_length": 5, "hash_ids": [46, 47, 9]}\n'
        '{"timestamp": 3060, "input_length": 700, "output_length": 5, "hash_ids": [8, 47]}\n',
        encoding="utf-8",
    )
    found = read_requests(path)
    assert found.arrival_s == pytest.approx([0.0, 3.052, 3.06])
    assert found.prefix_tokens.tolist() == [0, 1024, 0]
    assert found.prefix_id[0] == found.prefix_id[1] != found.prefix_id[2]
    profile, _ = read_trace(path)
    assert profile.prefix_share == pytest.approx(1024 / 3400)


def test_broken_lines_are_named(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text('{"timestamp": 0, "input_length": 1}\n[3]\n', encoding="utf-8")
    with pytest.raises(InputError, match="line 2"):
        read_requests(path)
    path.write_text('{"timestamp": 0, "input_length": 1\n', encoding="utf-8")
    with pytest.raises(InputError, match="is not valid JSON"):
        read_requests(path)


def test_prefix_columns_of_a_generic_trace(path: Path) -> None:
    path.write_text(
        "arrival_s,input_tokens,output_tokens,prefix_id,prefix_tokens\n"
        "0,100,5,7,50\n1,100,5,-1,0\n2,100,5,9,500\n",
        encoding="utf-8",
    )
    found = read_requests(path)
    assert found.prefix_id.tolist() == [0, -1, 1]
    assert found.prefix_tokens.tolist() == [50, 0, 99]


def test_what_a_trace_does_not_record_is_not_zero(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("arrival_s,input_tokens,output_tokens\n0,10,1\n1,20,2\n2,15,3\n")
    profile, _ = read_trace(path)
    assert profile.prefix_share is None
    assert profile.client_cv is None


def test_rank_correlation_is_spearmans() -> None:
    rng = np.random.default_rng(5)
    first = rng.integers(1, 40, 300).astype(float)
    second = first**2 + rng.integers(0, 900, 300)
    assert rank_correlation(first, second) == pytest.approx(spearmanr(first, second).statistic)
    assert rank_correlation(first, np.full(300, 7.0)) == 0.0


def test_what_a_message_quotes_is_cut(path: Path) -> None:
    message = refusal(path, HEADER + f"0,1,1\n1,{'9' * 5000},1\n")
    assert "line 3: input_tokens is '999" in message
    assert len(message) < 300


def test_a_time_beyond_all_clocks_is_told_the_limit(path: Path) -> None:
    assert "a time in seconds from 0 to 100,000,000,000" in refusal(path, HEADER + "1e30,1,1\n" * 2)


@pytest.mark.parametrize(
    ("line", "says"),
    [("{,}", "line 2, column"), ('{"a": ' + "9" * 101 + "}", "line 2: holds a number of 101")],
)
def test_a_line_of_json_lines_is_named_once(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text('{"a": 1}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_trace(path)
    assert says in str(caught.value)
    assert str(caught.value).count(" line ") == 1
