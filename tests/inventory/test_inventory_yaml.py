"""YAML as people mean it, every key's line, and no way to crash the reader."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.errors import InputError
from gpumix.inventory.yaml import parse
from gpumix.reading import read_text


def refusal(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parse(text, "team.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("NO", "NO"), ("no", "no"), ("yes", "yes"), ("on", "on"), ("true", True), ("False", False),
        ("22:00", "22:00"), ("22:00-06:00", "22:00-06:00"), ("1:30:00", "1:30:00"),
        ("2027-01", "2027-01"), ("2027-01-15", "2027-01-15"),
        ("010", 10), ("08", 8), ("1_000", 1000), ("0x1F", "0x1F"), ("0o17", "0o17"),
        ("1e3", 1000.0), ("-2.5", -2.5), (".5", 0.5), ("1.2.3", "1.2.3"),
        ("~", None), ("null", None), ("", None), ("'12'", "12"), ("900M", "900M"),
        ("=", "="), ("<<", "<<"),
    ],
)  # fmt: skip
def test_scalars(scalar: str, value: object) -> None:
    found = parse(f"key: {scalar}\n", "f").data["key"]
    assert found == value
    assert type(found) is type(value)


def test_absurdly_long_numbers_do_not_crash() -> None:
    assert parse("a: " + "9" * 5000, "f").data["a"] == "9" * 5000
    assert parse("a: " + "9" * 100, "f").data["a"] == 1e100
    assert parse("a: " + "9" * 18, "f").data["a"] == 10**18 - 1


def test_lines_and_places() -> None:
    text = "a:\n  b: 1\n  list:\n    - x\n    - y: 2\nc: {d: 3}\n"
    document = parse(text, "team.yaml")
    assert document.place(("a", "b")) == "a.b (line 2)"
    assert document.place(("a", "list", 1, "y")) == "a.list.1.y (line 5)"
    assert document.place(("c", "d")) == "c.d (line 6)"
    assert document.place(("c", "absent")) == "c.absent (line 6)"
    assert document.place(("absent",)) == "absent"
    assert document.place(()) == "team.yaml"


def test_every_repeated_key_is_named_with_both_lines() -> None:
    message = refusal("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n")
    assert "team.yaml line 4: key 'c' is written twice (first on line 3)" in message
    assert "team.yaml line 5: key 'a' is written twice (first on line 1)" in message


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("''", "a workload needs a name"), ("'  '", "a workload needs a name"),
        ("null", "a workload needs a name"), ("~", "a workload needs a name"),
        ("12", "key '12' is not text (put it in quotes)"),
        ("true", "key 'true' is not text"), ("1.5", "key '1.5' is not text"),
        ("<<", "merge keys (<<) are not supported"),
    ],
)  # fmt: skip
def test_keys_that_are_no_names_are_refused_with_their_line(key: str, says: str) -> None:
    message = refusal(f"a: 1\nworkloads:\n  {key}: {{kind: chat}}\n")
    assert message.startswith(f"team.yaml line 3: {says}")


def test_a_nameless_key_elsewhere_is_refused_too() -> None:
    assert refusal("a:\n  '': 1\n").startswith("team.yaml line 2: a key needs a name")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: {c: 1\n", 3),
        ("a: 1\n\tb: 2\n", 2),
        ("a: [1, 2\nb: 3\n", 2),
        ('a: 1\nb: "open\n', 3),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: 1\nb: *nowhere\n", 2),
        ("a: 1\nb: @x\n", 2),
        ("a: 1\n? [x]\n: 2\n", 2),
        ("a: 1\nb: c: d\n", 2),
    ],
)
def test_broken_yaml_names_the_line(text: str, line: int) -> None:
    assert f"team.yaml line {line}, column" in refusal(text)


@pytest.mark.parametrize(
    "value", ["!!int x", "!!float y", "!!bool perhaps", "!!timestamp z", "!!binary '?'",
              "!!python/object/apply:os.system [ls]", "!mine {a: 1}"],
)  # fmt: skip
def test_tags_are_refused(value: str) -> None:
    message = refusal(f"a: 1\nb: {value}\n")
    assert "line 2" in message
    assert f"such as '{value.split()[0]}'" in message


def test_control_characters_name_the_line() -> None:
    assert "team.yaml line 2: holds a control character" in refusal("a: 1\nb: \x00\n")


def test_depth_cycles_and_bombs_are_refused() -> None:
    assert "nested too deeply" in refusal("a: " + "[" * 5000)
    assert "nested too deeply" in refusal("a: &x {b: *x}")
    doubling = "".join(f"k{i}: &k{i} [{', '.join([f'*k{i - 1}'] * 9)}]\n" for i in range(1, 12))
    assert "more than 100,000" in refusal(f"k0: &k0 x\n{doubling}")


def test_anchors_are_understood() -> None:
    document = parse("a: &slo {p: 1 s}\nb: *slo\n", "f")
    assert document.data["b"] == {"p": "1 s"}


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\x89PNG\r\n\x1a\n\xff\x00")
    (tmp_path / "bom").write_bytes("\ufeffa: 1\n".encode())
    for name, says in [
        (".", "is a directory"),
        ("absent.yaml", "no such file"),
        ("binary", "is not UTF-8 text"),
        ("bom/below", "cannot be read"),
        ("x" * 400, "too long"),
        ("a\0b", "null byte"),
    ]:
        with pytest.raises(InputError) as caught:
            read_text(tmp_path / name)
        assert says in str(caught.value)
    assert parse(read_text(tmp_path / "bom"), "bom").data == {"a": 1}


@settings(deadline=None, max_examples=150)
@given(text=st.one_of(st.text(max_size=60), st.text("ab:-[]{}&*!?|>#%@'\",\n \t01.", max_size=60)))
def test_any_text_is_data_or_a_refusal(text: str) -> None:
    try:
        parse(text, "f")
    except InputError as error:
        assert all(problem.message for problem in error.problems)  # noqa: PT017
