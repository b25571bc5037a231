"""What the command info lists."""

import importlib.metadata

from helpers.tiny import save_noise

from workoutlib.app.cli import main


def test_info_lists_what_is_here(home, capsys):
    assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("[OK] ", "[MISSING] ")) for line in lines)
    assert f"[OK] torch {importlib.metadata.version('torch')}" in lines
    assert any(line.startswith("[MISSING] Kaggle data set in") for line in lines)
    assert "[OK] ImageNet weights of tf_efficientnet_lite0 (a package)" in lines


def test_a_data_set_with_a_few_of_its_images_is_not_ok(home, capsys):
    for i in range(10):
        save_noise(home / "input" / "workout-images" / "squat" / f"squat_{i:06d}.jpg", seed=i)
    assert main(["info"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "Kaggle data set in" in line)
    assert line.startswith("[MISSING]") and "10 of 13,853 images" in line
