"""Files: whole or not there, and tables that no spreadsheet runs."""

import pandas as pd
import pytest
import torch

from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.files import read_file, save_atomically, write_csv


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorkoutlibError, match="cannot be written"):
        save_atomically({"a": 1}, tmp_path / "file" / "model.pth")
    assert (tmp_path / "file").read_text() == "x"


def test_folders_are_made_and_plain_values_come_back(tmp_path):
    path = save_atomically({"a": [1, 2.5, None, "x"], "t": torch.arange(3)}, tmp_path / "a" / "b" / "x.pth")
    content = read_file(path)
    assert content["a"] == [1, 2.5, None, "x"] and content["t"].tolist() == [0, 1, 2]


def test_tables_hold_no_formulas_and_no_undecodable_text(tmp_path):
    table = pd.DataFrame(
        {
            "path": ["=1+1", "+x", "-y", "@z", "\tt", "fine.jpg", 'a\nb,"c"', "\udcff.jpg"],
            "number": [-1.5, 2, 3, 4, 5, 6, 7, float("nan")],
            "=label": [True, False] * 4,
        }
    )
    write_csv(table, tmp_path / "t.csv")
    back = pd.read_csv(tmp_path / "t.csv", keep_default_na=False)
    assert back.columns.tolist() == ["path", "number", "'=label"]
    expected = ["'=1+1", "'+x", "'-y", "'@z", "'\tt", "fine.jpg", 'a\nb,"c"', "\\udcff.jpg"]
    assert back["path"].tolist() == expected
    assert float(back["number"][0]) == -1.5 and back["number"][7] == "" and table["path"][0] == "=1+1"


def test_an_empty_table_keeps_its_header(tmp_path):
    write_csv(pd.DataFrame({"a": [], "b": []}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().strip() == "a,b"
