"""Class names in lines, files and configurations of any program and any encoding."""

import zipfile

import pytest

from workoutlib.class_names import read_names
from workoutlib.utils.errors import WorkoutlibError


def test_a_text_or_a_file(tmp_path):
    assert read_names(None) is None
    assert read_names("row, swim ,run") == ["row", "swim", "run"]
    for encoding in ("utf-8", "utf-8-sig"):  # Windows puts a mark before the text
        (tmp_path / "names.txt").write_text("row\n\nswim\n", encoding=encoding)
        assert read_names(str(tmp_path / "names.txt")) == ["row", "swim"]
    for wrong in ("", "a,a", ","):
        with pytest.raises(WorkoutlibError, match="every class name once"):
            read_names(wrong)


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffsquat\nplank\n".encode(),
        "squat\r\nplank\r\n".encode("utf-16"),
        "squat\nplank\n".encode("utf-16-le"),
        "squat\nplank\n".encode("utf-32"),
        b"# mine\nsquat\nplank\n",
        b"squat\rplank\r",
        b"label\nsquat\nplank\n",
        b"squat, plank\n",
        b"squat;plank\n",
        b'"squat","plank"\n',
        b"squat,\nplank,\n",
        b'["squat", "plank"]',
        b"['squat', 'plank']",
        b"{0: 'squat', 1: 'plank'}",
        b'{"plank": 1, "squat": 0}',
        b'{"1": "plank", "0": "squat"}',
        b'{"model_type": "vit", "id2label": {"0": "squat", "1": "plank"}}',
        b'{"categories": [{"id": 2, "name": "plank"}, {"id": 1, "name": "squat"}]}',
        b"path: ../data\nnc: 2\nnames:\n  0: squat\n  1: plank\n",
        b"nc: 2\nnames: [squat, plank]\n",
        b"- squat\n- plank\n",
        b"Classes\n1,plank\n0,squat\n",
        b"number;name;note\n1;plank\n0;squat\n",
        "\ufeffindex,label\n1,plank\n0,squat\n".encode(),
        b"name,index\nplank,1\nsquat,0\n",
        b'"1","plank"\n"0","squat"\n',
        b"0.0\tsquat\tlegs\n1.0\tplank\tcore\n",
        b"1: plank\n0: squat\n",
        b"1 squat\n2 plank\n",
        b"1. squat\n2. plank\n",
    ],
)
def test_files_of_other_programs(tmp_path, content):
    (tmp_path / "names.txt").write_bytes(content)
    assert read_names(str(tmp_path / "names.txt")) == ["squat", "plank"]


def test_names_as_old_programs_for_windows_write_them(tmp_path):
    (tmp_path / "names.csv").write_bytes("0;développé couché\n1;épaulé-jeté\n".encode("cp1252"))
    assert read_names(str(tmp_path / "names.csv")) == ["développé couché", "épaulé-jeté"]


def test_numbers_that_belong_to_the_names_stay(tmp_path):
    (tmp_path / "names.txt").write_text("21s curl\n1 arm row\nsquat\n")
    assert read_names(str(tmp_path / "names.txt")) == ["21s curl", "1 arm row", "squat"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<!DOCTYPE html><title>Sign in</title>", "is a web page, not a text with class names. Download the file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a workbook of a spreadsheet.*CSV"),
        (b"{\\rtf1\\ansi squat}", "a text with formats .*plain text"),
        (b'{"a": 1.5}', "neither a list of names nor a table"),
        (b"squat\x01\x02\x03", "other things than text"),
    ],
)
def test_what_is_no_list_of_names_is_called_what_it_is(tmp_path, content, why):
    (tmp_path / "names").write_bytes(content)
    with pytest.raises(WorkoutlibError, match=why):
        read_names(str(tmp_path / "names"))


def test_a_workbook_says_how_to_save_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "names.xlsx", "w") as workbook:
        workbook.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(WorkoutlibError, match=r"a workbook of a spreadsheet.*CSV"):
        read_names(str(tmp_path / "names.xlsx"))
