"""Put the README's picture together from what the demo has recognised: two photos and a frame of a clip, side by side.

python tools/draw_recognised.py [--demo outputs/demo] [--time 3.5]
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from workoutlib.media.images import as_rgb
from workoutlib.media.video_reader import read_frames
from workoutlib.utils.files import replacing
from workoutlib.utils.paths import output_root

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "recognised.jpg"
PHOTOS, CLIP = ("lat_pulldown.jpg", "bench_press.jpg"), "push_up.mp4"
HEIGHT, GAP = 420, 8  # pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--demo", type=Path, default=output_root() / "demo", help="the demo's page (default: outputs/demo)"
    )
    parser.add_argument("--time", type=float, default=3.5, help="seconds into the clip (default: 3.5)")
    options = parser.parse_args()
    media = options.demo / "media"
    frame = next(pixels for time, pixels in read_frames(media / CLIP) if time >= options.time)
    pictures = [as_tall(pixels) for pixels in (*(as_rgb(media / name) for name in PHOTOS), frame)]
    gap = np.full((HEIGHT, GAP, 3), 255, np.uint8)
    whole = np.hstack([part for picture in pictures for part in (gap, picture)][1:])
    with replacing(PICTURE) as partial:
        Image.fromarray(whole).save(partial, "JPEG", quality=88)
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1000:.0f} kB")


def as_tall(pixels: np.ndarray) -> np.ndarray:
    """uint8 RGB scaled to ``HEIGHT``."""
    width = round(pixels.shape[1] * HEIGHT / pixels.shape[0])
    return np.asarray(Image.fromarray(pixels).resize((width, HEIGHT), Image.Resampling.LANCZOS))


if __name__ == "__main__":
    main()
