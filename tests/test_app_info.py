"""What the command info lists."""

import importlib.metadata

from workoutlib.app.cli import main


def test_info_lists_what_is_here(home, capsys):
    assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("[OK] ", "[MISSING] ")) for line in lines)
    assert f"[OK] torch {importlib.metadata.version('torch')}" in lines
    assert any(line.startswith("[MISSING] Kaggle data set in") for line in lines)
    assert "[OK] ImageNet weights of tf_efficientnet_lite0 (a package)" in lines
