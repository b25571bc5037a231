"""Make the panels' pictures for the stored notebooks out of screenshots that the browser tests have taken.

WORKOUTLIB_SCREENSHOTS=FOLDER python -m pytest tests/test_browser.py
python tools/store_panels.py FOLDER
python tools/clean_notebooks.py
"""

import argparse
from pathlib import Path

from PIL import Image

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "panels"
SHOTS = {
    "02_augmentation": "02-playground",
    "03_fine_tuning": "03-training",
    "04_evaluation": "04-mistakes",
    "05_image_inference": "05-folder",
    "06_video_inference": "06-clip",
    "06_video_inference_2": "06-webcam",
    "07_poses": "07-poses",
    "08_repetitions_and_form": "08-repetitions",
    "09_more_data": "09-review",
}
"""Notebook, and which of its panels where it is not the first: the screenshot."""
LARGEST = 200_000  # bytes: they are part of the notebooks


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the screenshots")
    for notebook, shot in SHOTS.items():
        path = parser.parse_args().folder / f"{shot}-light.png"
        if path.is_file():
            store(path, PICTURES / f"{notebook}.png")


def store(shot: Path, target: Path) -> None:
    """Keep as many colours as fit into ``LARGEST`` bytes."""
    picture = Image.open(shot).convert("RGB")
    for colours in (256, 128, 64, 32):
        picture.quantize(colours, dither=Image.Dither.NONE).save(target, optimize=True)
        if target.stat().st_size <= LARGEST:
            break
    print(f"{target}: {picture.width} x {picture.height}, {target.stat().st_size / 1000:.0f} kB, {colours} colours")


if __name__ == "__main__":
    main()
