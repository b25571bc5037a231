"""What the command info lists."""

import importlib.metadata

import torch
from helpers.tiny import save_noise

from workoutlib.app import info
from workoutlib.app.cli import main
from workoutlib.pose.weights import FILES


def test_info_lists_what_is_here(home, capsys):
    assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("[OK] ", "[MISSING] ", "[-] ")) for line in lines)
    assert f"[OK] torch {importlib.metadata.version('torch')}" in lines
    assert any(line.startswith("[-] Kaggle data set in") for line in lines)
    assert "[OK] ImageNet weights of tf_efficientnet_lite0 (a package)" in lines


def test_info_tells_of_converted_models(home, capsys, monkeypatch):
    monkeypatch.setattr(info, "graph_folder", lambda: home)
    assert main(["info"]) == 0
    assert "[-] converted models for clips (0, 0 MB; made at first use)" in capsys.readouterr().out
    home.mkdir()
    (home / "a.zip").write_bytes(bytes(2_600_000))
    assert main(["info"]) == 0
    assert "[OK] converted models for clips (1, 3 MB; made at first use)" in capsys.readouterr().out


def test_what_nobody_needs_is_not_called_missing(home, capsys, monkeypatch):
    here = importlib.metadata.version

    def version(name: str) -> str:
        if name in ("jupyterlab", "openvino"):
            raise importlib.metadata.PackageNotFoundError(name)
        return here(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(info.devices, "pick_device", lambda: torch.device("cpu"))
    assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "[-] jupyterlab, for the notebooks" in lines
    assert "[-] GPU: the CPU is used" in lines
    assert [line for line in lines if line.startswith("[MISSING]")] == ["[MISSING] openvino"]


def test_the_pose_network_is_looked_for_where_it_is_taken_from(home, tmp_path, capsys, monkeypatch):
    line = "pose network (fetched at first use, 36 MB)"
    monkeypatch.setenv("WORKOUTLIB_POSE", str(tmp_path))
    assert main(["info"]) == 0
    assert f"[-] {line}" in capsys.readouterr().out.splitlines()
    for name in FILES:
        (tmp_path / name).touch()
    assert main(["info"]) == 0
    assert f"[OK] {line}" in capsys.readouterr().out.splitlines()


def test_a_data_set_with_a_few_of_its_images_is_not_ok(home, capsys):
    for i in range(10):
        save_noise(home / "input" / "workout-images" / "squat" / f"squat_{i:06d}.jpg", seed=i)
    assert main(["info"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "Kaggle data set in" in line)
    assert line.startswith("[MISSING]") and "10 of 13,853 images" in line
