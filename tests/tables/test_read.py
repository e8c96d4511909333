"""Tables as people have them: encodings, separators, decimal marks, faults with their line."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmcast.errors import DataError
from lstmcast.tables.peek import peek
from lstmcast.tables.read import Table, read_table


def write(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path: Path | str, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read_table(path, **options)  # type: ignore[arg-type]
    return str(caught.value)


PLAIN = "date,sales,price\n2020-01-01,5,1.5\n2020-01-02,6,2.5\n"


def assert_plain(table: Table) -> None:
    assert list(table.frame.columns) == ["date", "sales", "price"]
    assert list(table.text("date")) == ["2020-01-01", "2020-01-02"]
    assert table.numbers("sales").tolist() == [5.0, 6.0]
    assert table.numbers("price").tolist() == [1.5, 2.5]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_encoding_gives_the_same_table(tmp_path: Path, encoding: str) -> None:
    text = "Datum,Käse €,n\n2020-01-01,Müller,1\n2020-01-02,Größe,2\n"
    table = read_table(write(tmp_path, text.encode(encoding)))
    assert list(table.frame.columns) == ["Datum", "Käse €", "n"]
    assert list(table.text("Käse €")) == ["Müller", "Größe"]
    assert peek(tmp_path / "t.csv").frame.equals(table.frame.astype(str))


def test_utf16_of_either_byte_order_is_read(tmp_path: Path) -> None:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert_plain(read_table(write(tmp_path, mark + PLAIN.encode(encoding))))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_separator_and_line_end_gives_the_same_table(
    tmp_path: Path, separator: str, end: str
) -> None:
    content = PLAIN.replace(",", separator).replace("\n", end)
    assert_plain(read_table(write(tmp_path, content)))


@pytest.mark.parametrize(
    "content",
    [
        PLAIN + "\n\n  \n",
        "\n\n" + PLAIN,
        PLAIN.rstrip("\n"),
        PLAIN + ",,\n,,\n",
        PLAIN.replace("\n", ",\n"),
        PLAIN.replace("price\n", "price,\n"),
        PLAIN.replace("1.5\n", "1.5,\n").replace("2.5\n", "2.5,\n"),
        "sep=,\n" + PLAIN,
        " date , sales ,price \n2020-01-01, 5 , 1.5\n2020-01-02,6,2.5\n",
        '"date","sales","price"\n"2020-01-01","5","1.5"\n"2020-01-02","6","2.5"\n',
    ],
    ids=[
        "blank lines at the end", "blank lines at the begin", "no last line end", "empty rows",
        "separator at every end", "separator after the header", "separator after the rows",
        "Excel's sep line", "blanks round cells", "quoted cells",
    ],
)  # fmt: skip
def test_spellings_of_one_table_give_the_same(tmp_path: Path, content: str) -> None:
    assert_plain(read_table(write(tmp_path, content)))


def test_decimal_commas_are_read_where_the_separator_is_a_semicolon(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "t;a;b\n1;12,5;-3\n2;1000,25;1e3\n3;;,5\n"))
    np.testing.assert_array_equal(table.numbers("a"), [12.5, 1000.25, np.nan])
    assert table.numbers("b").tolist() == [-3.0, 1000.0, 0.5]


def test_decimal_commas_that_begin_late_in_the_file_are_read(tmp_path: Path) -> None:
    rows = [f"{i};{i}" for i in range(40_000)] + ["40000;7,25"]
    table = read_table(write(tmp_path, "t;a\n" + "\n".join(rows) + "\n"))
    assert table.numbers("a")[-1] == 7.25


def test_a_comma_that_may_group_thousands_is_refused_not_guessed(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "t;a\n1;987\n2;1,234\n"))
    with pytest.raises(DataError, match=r"line 3 '1,234'.*thousands"):
        table.numbers("a")


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("abc", "line 4 'abc'"),
        ("1.234,5", "thousands separators"),
        ("$5", "amounts of money"),
        ("5 €", "amounts of money"),
        ("5%", "percentages"),
        ("(5)", "brackets"),
        ("7 kWh", "unit"),
        ("1_000", "thousands"),
        ("2020-01-01", "dates"),
        ("0x1G", "line 4 '0x1G'"),
        ("#DIV/0!", "errors of a spreadsheet"),
        ("x" * 99, f"'{'x' * 37}...'"),
    ],
)
def test_a_cell_that_is_no_number_is_named(tmp_path: Path, cell: str, words: str) -> None:
    table = read_table(write(tmp_path, f"t;a\n1;2\n2;NA\n3;{cell}\n4;5\n"))
    with pytest.raises(DataError) as caught:
        table.numbers("a")
    assert words in str(caught.value)
    assert "column 'a': 1 cell is not a number: line 4" in str(caught.value)


def test_a_quote_within_a_cell_is_a_character(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, 'pipe,n\n5",1\n"6""",2\nx,3\n'))
    assert list(table.text("pipe")) == ['5"', '6"', "x"]
    assert table.numbers("n").tolist() == [1, 2, 3]


def test_only_the_first_three_bad_cells_are_shown_with_the_count_of_all(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "a,b\n" + "x,1\n" * 5))
    with pytest.raises(
        DataError, match=r"5 cells are .*line 2 'x', line 3 'x', line 4 'x', \.\.\."
    ):
        table.numbers("a")


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999"])
@pytest.mark.parametrize("other", ["1.5", "text"])
def test_infinite_cells_are_refused(tmp_path: Path, cell: str, other: str) -> None:
    table = read_table(write(tmp_path, f"a,b\n1,{other}\n{cell},2\n"))
    with pytest.raises(DataError, match="line 3 "):
        table.numbers("a")


@pytest.mark.parametrize(
    "empty", ["", "NA", "na", "N/A", "n/a", "NULL", "NaN", "nan", "None", "-", "?", ".", '""', " "]
)
@pytest.mark.parametrize("other", ["2.5", "+2.5", " 2.5"])
def test_cells_that_stand_for_nothing_are_nan(tmp_path: Path, empty: str, other: str) -> None:
    table = read_table(write(tmp_path, f"a,b\n{other},1\n{empty},2\n"))
    np.testing.assert_array_equal(table.numbers("a"), [2.5, np.nan])


def test_a_column_without_a_value_is_all_nan(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "a,b\n1,\n2,NA\n"))
    assert np.isnan(table.numbers("b")).all()
    assert list(table.text("b")) == ["", "NA"]


def test_true_and_false_are_one_and_nought(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "a,b\n1,TRUE\n2,FALSE\n3,\n"))
    np.testing.assert_array_equal(table.numbers("b"), [1, 0, np.nan])


@pytest.mark.parametrize("asked", [(), ("id", "month", "clock", "none")])
def test_text_is_exactly_what_the_file_has(tmp_path: Path, asked: tuple[str, ...]) -> None:
    content = "id,month,clock,none,v\n007,1749-01,12:30,NA,1.50\n1e3,1749-02,13:00,,2\n"
    table = read_table(write(tmp_path, content), text=asked)
    assert list(table.text("id")) == ["007", "1e3"]
    assert list(table.text("month")) == ["1749-01", "1749-02"]
    assert list(table.text("clock")) == ["12:30", "13:00"]
    assert list(table.text("none")) == ["NA", ""]
    assert list(table.text("v")) == ["1.50", "2"]
    assert {type(cell) for cell in table.text("id")} == {str}


def test_a_column_with_a_decimal_mark_of_its_own_is_read(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "t;a;b\n1;1,5;2.25\n2;2,5;10\n3;3;1.125\n"))
    assert table.numbers("a").tolist() == [1.5, 2.5, 3.0]
    assert table.numbers("b").tolist() == [2.25, 10.0, 1.125]


def test_only_the_columns_asked_for_are_kept(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, PLAIN), columns=["price", "date", "price"])
    assert list(table.frame.columns) == ["price", "date"]


def test_missing_columns_are_named_all_at_once_with_what_was_meant(tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN)
    table = read_table(path)
    with pytest.raises(DataError) as caught:
        table.require(["date", "Sales", "prize", "zzz"], "data.target")
    message = str(caught.value)
    assert "'date';" not in message
    assert "data.target: there is no column 'Sales'; it has 'sales', but names" in message
    assert "'prize'; did you mean 'price'?" in message
    assert "'zzz'; known: date, sales, price" in message
    assert "'prize'; did you mean 'price'?" in refusal(path, columns=["prize"])
    with pytest.raises(DataError, match="no column 'prize'"):
        table.numbers("prize")


def test_a_gzipped_csv_is_read_and_its_own_bytes_are_hashed(tmp_path: Path) -> None:
    packed = gzip.compress(PLAIN.encode())
    for name in ("t.csv.gz", "t.csv"):
        path = write(tmp_path, packed, name)
        table = read_table(path)
        assert_plain(table)
        assert table.sha256 == hashlib.sha256(packed).hexdigest()
        assert peek(path).frame.shape == (2, 3)


def test_a_cut_gzip_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(PLAIN.encode() * 100)
    assert "incomplete" in refusal(write(tmp_path, packed[:-20], "t.csv.gz"))
    damaged = packed[:30] + bytes([packed[30] ^ 255]) + packed[31:]
    assert "damaged" in refusal(write(tmp_path, damaged, "t.csv.gz"))


def test_standard_input_is_read_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(PLAIN.replace("5,", "x,").encode("utf-16"))

    monkeypatch.setattr(sys, "stdin", Stdin())
    table = read_table("-")
    assert table.name == "standard input"
    with pytest.raises(DataError, match=r"standard input: column 'sales': .* line 2 'x'"):
        table.numbers("sales")


def test_lines_count_blank_lines_and_line_ends_in_quotes(tmp_path: Path) -> None:
    content = 'a,"b\nc"\n1,2\n\n"x\ny",3\n\n\n4,5\n'
    table = read_table(write(tmp_path, content))
    assert list(table.frame.columns) == ["a", "b\nc"]
    assert [table.line(row) for row in range(3)] == ["line 3", "line 5", "line 9"]
    assert table.text("a")[1] == "x\ny"


def test_an_empty_line_in_a_single_column_is_an_empty_cell(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "a\n1\n\n3\n\n\n"))
    np.testing.assert_array_equal(table.numbers("a"), [1, np.nan, 3])
    assert table.line(2) == "line 4"
    assert len(peek(tmp_path / "t.csv").frame) == 3


def test_columns_without_name_and_cells_are_left_out_and_others_named(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, ",a,\n0,5,\n1,6,\n"))
    assert list(table.frame.columns) == ["Unnamed: 0", "a"]
    assert list(peek(tmp_path / "t.csv").frame.columns) == ["Unnamed: 0", "a"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("\n\n  \n", "is empty"),
        ("\ufeff", "is empty"),
        ("a,b\n", "there is a header but no row"),
        ("a,b\n\n,\n", "there is a header but no row"),
        ("a,b,a,c,c,a\n1,2,3,4,5,6\n", "column name 'a' occurs 3 times"),
        ("a,b\n1,2\n3,4,5\n6\n7,8\n", "which has 2: line 3 has 3, line 4 has 1"),
        ("a,b\n1,2,5\n3,4,5\n", "put cells that contain a comma in quotes"),
        ('a,b\n1,"2\n3,4\n5,6\n', "line 2 opens a quote that is not closed"),
        ('a,b\n1,2\n"3,4\n5,6\n', "line 3 opens a quote that is not closed"),
        ('a,b\n1,2\n"3,4\n' + "5,6\n" * 60_000, "line 3 cannot be read"),
        ("Sales report\na,b\n1,2\n3,4\n", "if that line is a title, remove it"),
        ("2020-01-01,5\n2020-01-02,6\n", "line 1 should be the header, but has only values"),
        ("112\n118\n", "line 1 should be the header"),
        ("date value\n2020-01-01 5\n2020-01-02 6\n", "separated by blanks"),
        (b"PK\x03\x04\x14\x00rest", "an Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel workbook"),
        ("<!DOCTYPE html>\n<html></html>", "web page"),
        ('[{"a": 1}]', "is JSON"),
        (bytes(range(256)) * 9, "binary"),
        (b"\xff\xfea", "UTF-16"),
        (b"a,b\n1,\x81\n", "line 2 is neither UTF-8 nor Windows-1252 text"),
    ],
)
def test_what_is_no_table_is_refused_in_words(
    tmp_path: Path, content: str | bytes, words: str
) -> None:
    path = write(tmp_path, content)
    assert words in refusal(path)
    assert f"{path}: " in refusal(path)


def test_numbered_columns_as_pandas_writes_them_are_a_header(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    pd.DataFrame(np.ones((3, 4))).to_csv(path, index=False)
    assert list(read_table(path).frame.columns) == ["0", "1", "2", "3"]


def test_a_missing_file_is_answered_with_a_near_name(tmp_path: Path) -> None:
    write(tmp_path, PLAIN, "sales_2020.csv")
    assert "did you mean 'sales_2020.csv'?" in refusal(tmp_path / "sale_2020.csv")
    assert "there is no folder" in refusal(tmp_path / "nowhere" / "a.csv")
    assert "is a folder" in refusal(tmp_path)


def test_a_file_that_may_not_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path, PLAIN)
    monkeypatch.setattr(Path, "open", deny)
    assert "cannot be read: check its permissions" in refusal(path)


def test_a_ragged_row_far_down_is_found_with_its_line(tmp_path: Path) -> None:
    rows = ["2020,1,2"] * 300_000
    rows[250_000] = "2020,1"
    path = write(tmp_path, "t,a,b\n" + "\n".join(rows) + "\n")
    assert "line 250002 has 2" in refusal(path)


def test_rows_longer_than_a_block_are_read(tmp_path: Path) -> None:
    header, row = [f"c{i}" for i in range(100)], ["x" * 50_000] * 99 + ["7"]
    path = write(tmp_path, ",".join(header) + "\n" + (",".join(row) + "\n") * 2)
    assert read_table(path).numbers("c99").tolist() == [7.0, 7.0]
    assert peek(path).frame.shape == (2, 100)


def test_peek_reads_the_first_rows_as_text(tmp_path: Path) -> None:
    path = write(tmp_path, "id,v\n" + "".join(f"{i:09},{i}.50\n" for i in range(400_000)))
    table = peek(path, rows=3)
    assert table.frame.to_numpy().tolist() == [[f"{i:09}", f"{i}.50"] for i in range(3)]
    assert table.line(2) == "line 4"


def test_parquet_shows_the_index_and_gives_stamps_as_iso(tmp_path: Path) -> None:
    index = pd.date_range("2020-01-01", periods=3, freq="h", name="time")
    frame = pd.DataFrame({"v": [1.0, None, 3.0], "flag": [True, False, True]}, index=index)
    frame["kind"] = pd.Categorical(["a", None, "b"])
    path = tmp_path / "t.parquet"
    frame.to_parquet(path)
    table = read_table(path, columns=["time", "v", "kind", "flag"], text=["time"])
    assert list(table.text("time")) == [f"2020-01-01 0{hour}:00:00" for hour in range(3)]
    np.testing.assert_array_equal(table.numbers("v"), [1, np.nan, 3])
    assert table.numbers("flag").tolist() == [1, 0, 1]
    assert list(table.text("kind")) == ["a", "", "b"]
    assert table.line(16) == "row 17"
    assert table.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert peek(path, rows=2).frame["time"].tolist() == list(table.text("time")[:2])


@pytest.mark.parametrize(
    ("stamps", "texts"),
    [
        (pd.to_datetime(["2020-01-01", None]), ["2020-01-01", ""]),
        (pd.to_datetime(["2020-01-01 00:00:00.5"]), ["2020-01-01 00:00:00.500000"]),
        (pd.to_datetime(["2020-07-01"]).tz_localize("Europe/Berlin"), ["2020-07-01 00:00:00+0200"]),
        (pd.Series([7, 8]), ["7", "8"]),
        (pd.Series([pd.Timestamp("2020-01-01").date()]), ["2020-01-01"]),
    ],
)
def test_parquet_columns_come_out_as_plain_text(
    tmp_path: Path, stamps: pd.Series, texts: list[str]
) -> None:
    path = tmp_path / "t.pq"
    pd.DataFrame({"x": stamps}).to_parquet(path)
    assert list(read_table(path).text("x")) == texts


def test_a_nameless_index_and_faults_of_parquet_files(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"v": ["1", "x"]}, index=pd.to_datetime(["2020-01-01", "2020-01-02"])).to_parquet(
        path
    )
    table = read_table(path)
    assert sorted(table.frame.columns) == ["index", "v"]
    with pytest.raises(DataError, match="row 2 'x'"):
        table.numbers("v")
    assert "did you mean 'index'?" in refusal(path, columns=["indx"])
    assert "damaged" in refusal(write(tmp_path, path.read_bytes()[:200], "cut.parquet"))
    assert "has a name of a Parquet file" in refusal(write(tmp_path, PLAIN, "csv.parquet"))


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8).filter(
    lambda text: text == text.strip() and all(ord(c) > 31 for c in text)
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(CELLS, st.floats(allow_nan=False, allow_infinity=False)), min_size=1)
)
def test_what_pandas_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float]]
) -> None:
    frame = pd.DataFrame(rows, columns=["name", "value"])
    path = tmp_path_factory.mktemp("any") / "t.csv"
    frame.to_csv(path, index=False)
    table = read_table(path, text=["name"])
    assert list(table.text("name")) == list(frame["name"])
    np.testing.assert_array_equal(table.numbers("value"), frame["value"])


def test_numbers_of_text_cells_agree_with_json(tmp_path: Path) -> None:
    cells = ["1", "-2.5", "1e-3", "0.1", "123456789.123", "5E+2"]
    table = read_table(write(tmp_path, "a,b\n" + "".join(f"{c},1\n" for c in cells)), text=["a"])
    assert table.numbers("a").tolist() == [float(json.loads(cell)) for cell in cells]


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,2\n3,x", "a,b\n\n1,2\n\n\n3,x\n\n", "a\n1\n\nx\n", "a\n1\n\nx", "a,b\n,\n1,x\n,\n"],
)
def test_the_line_of_a_row_counts_empty_lines_as_python_csv_does(text, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    table = read_table(tmp_path / "t.csv")
    lines = text.splitlines()
    single = "," not in lines[0]
    filled = [k + 1 for k, line in enumerate(lines) if k and (line or single)]
    assert [table.line(k) for k in range(len(table.frame))] == [
        f"line {line}" for line in filled[: len(table.frame)]
    ]
