"""Using a model: one preprocessing path, whatever the picture comes as."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.clips import save_exercises
from helpers.tiny import make_model
from PIL import Image

from workoutlib.config import Config
from workoutlib.data.dataset import load_dataset
from workoutlib.evaluation.predictions import evaluate
from workoutlib.media.images import read_image
from workoutlib.media.overlay import UNKNOWN
from workoutlib.media.video_reader import ClipFrames, probe_clip, read_frames
from workoutlib.media.video_writer import ClipWriter
from workoutlib.models.checkpoints import load_checkpoint
from workoutlib.recognition import annotation as annotation_module
from workoutlib.recognition import recognizer as recognizer_module
from workoutlib.recognition.recognizer import Recognizer
from workoutlib.utils import progress
from workoutlib.utils.errors import WorkoutlibError

CPU = torch.device("cpu")
CLOSE = {"rtol": 1e-4, "atol": 1e-4}  # other batches, other order of sums


@pytest.fixture(scope="module")
def recognizer(trained) -> Recognizer:
    return Recognizer.from_checkpoint(trained.checkpoint, device=CPU)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """1.6 s of plank, then 1.6 s of squat, 10 frames a second."""
    return save_exercises(tmp_path_factory.mktemp("clips") / "two.mp4")


@pytest.mark.parametrize("flip_at_test", [False, True])
@pytest.mark.parametrize("resize_mode", ["crop", "squash"])
def test_validation_arrays_images_and_files_give_the_same_logits(trained, catalog, config, flip_at_test, resize_mode):
    config = config.replace(flip_at_test=flip_at_test, resize_mode=resize_mode, crop=64, resize=72)
    stored = load_checkpoint(trained.checkpoint)
    some = catalog.iloc[[0, 7, 20, 33, 47]]
    dataset = load_dataset(some, size=72, resize_mode=resize_mode, labels=stored.labels, progress=False)
    through_validation = evaluate(stored.model, dataset, config).logits
    recognizer = Recognizer(stored.model, stored.labels, config, device=CPU)
    paths = some["path"].tolist()
    for images in (paths, [read_image(p) for p in paths], [Image.open(p) for p in paths]):
        for size in (1, 2, 32):
            logits = recognizer.logits(images, size=size)
            assert logits.dtype == np.float32 and logits.shape == (5, 3)
            np.testing.assert_allclose(logits, through_validation, **CLOSE)


def test_a_clips_frames_give_the_logits_of_the_same_frames_as_arrays(recognizer, clip):
    frames = list(read_frames(clip))
    found = recognizer.predict_clip(clip, progress=False, size=7)
    assert found.times.tolist() == [time for time, _ in frames] and len(frames) == 32
    np.testing.assert_allclose(found.logits, recognizer.logits([frame for _, frame in frames], size=7), **CLOSE)
    third = recognizer.predict_clip(clip, stride=3, progress=False)
    assert third.times.tolist() == found.times[::3].tolist()
    np.testing.assert_allclose(third.logits, found.logits[::3], **CLOSE)


def test_a_clip_of_one_frame_is_recognised_as_that_picture(recognizer, tmp_path, catalog):
    pixels = read_image(catalog["path"].iloc[0])
    with ClipWriter(tmp_path / "one.mp4", pixels.shape[1], pixels.shape[0], 25) as writer:
        writer.write(pixels, 0.0)
    found = recognizer.predict_clip(tmp_path / "one.mp4", progress=False)
    [(_, frame)] = read_frames(tmp_path / "one.mp4")
    np.testing.assert_allclose(found.logits, recognizer.logits([frame]), **CLOSE)
    assert found.times.tolist() == [0.0] and found.duration == pytest.approx(1 / 25, abs=0.01)
    assert len(found.segments()) == 1
    assert np.abs(frame.astype(int) - pixels).mean() < 8, "the clip nearly is the picture"


def test_two_classes_have_a_top2(trained):
    recognizer = Recognizer(make_model(2), ("a", "b"), Config(resize=64, crop=64), device=CPU)
    assert len(recognizer.predict(np.zeros((9, 9, 3), np.uint8)).top3) == 2


def test_a_checkpoint_alone_is_enough(trained, catalog, recognizer):
    """And its temperature and threshold are used."""
    stored = load_checkpoint(trained.checkpoint)
    assert (recognizer.temperature, recognizer.unknown_threshold) == (stored.temperature, stored.unknown_threshold)
    assert recognizer.labels == stored.labels and recognizer.config == stored.config
    same = Recognizer.from_checkpoint(stored, device=CPU)
    picture = catalog["path"].iloc[3]
    assert same.predict(picture) == recognizer.predict(picture)
    valid = trained.predictions
    answers = [recognizer.predict(path).label for path in valid.catalog["path"]]
    assert answers == [valid.labels[i] for i in valid.predicted]


def test_no_pictures_no_logits(recognizer):
    assert recognizer.logits([]).shape == (0, 3)


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_a_bad_picture_is_an_error_of_ours(recognizer, tmp_path, content):
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(WorkoutlibError, match=r"x\.jpg"):
        recognizer.predict(tmp_path / "x.jpg")


def test_answers_that_are_no_numbers(trained, catalog, config, clip):
    """Finite weights, so the checkpoint loads, and yet too large for one another."""
    model = deepcopy(trained.model)
    with torch.no_grad():
        model.head.weight.fill_(3e38)
    broken = Recognizer(model, trained.predictions.labels, config, backend="torch")
    dataset = load_dataset(catalog, size=config.resize, progress=False)
    for predict in (
        lambda: broken.predict(np.zeros((64, 64, 3), np.uint8)),
        lambda: broken.predict_clip(clip),
        lambda: evaluate(model, dataset, config),
    ):
        with pytest.raises(WorkoutlibError, match="NaN or infinite"):
            predict()


def test_wrong_arguments(recognizer, clip):
    for stride in (0, -1):
        with pytest.raises(WorkoutlibError, match="stride must be at least 1"):
            recognizer.predict_clip(clip, stride=stride)
    with pytest.raises(WorkoutlibError, match="no back end 'gpu': choose one of auto, torch, openvino"):
        Recognizer(make_model(), ("a", "b", "c"), Config(), backend="gpu")


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK"])
def test_the_annotated_copy_has_the_pictures_size_and_its_pixels(recognizer, mode):
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).convert(mode)
    drawn = recognizer.annotate(picture)
    plain = np.array(picture.convert("RGB"))
    assert drawn.shape == (240, 320, 3) and drawn.dtype == np.uint8
    assert np.array_equal(drawn[-40:], plain[-40:]), "the lower part stays as it was"
    assert not np.array_equal(drawn[:60], plain[:60]), "label and confidence are drawn at the top"


def test_the_table_of_frames(recognizer, clip):
    found = recognizer.predict_clip(clip, progress=False)
    table = found.frames()
    assert table.columns.tolist() == ["time", "label", "confidence", "known", "plank", "push up", "squat"]
    shares = table[list(recognizer.labels)].to_numpy()
    assert shares.sum(1) == pytest.approx(1) and shares.max(1) == pytest.approx(table["confidence"])
    assert table["label"].tolist() == [recognizer.labels[i] for i in shares.argmax(1)]


@pytest.mark.parametrize("stride", [1, 2, 5, 31, 100])
def test_a_stride_does_not_make_a_clip_longer(recognizer, clip, stride):
    found = recognizer.predict_clip(clip, stride=stride, progress=False)
    assert found.duration == pytest.approx(3.2, abs=0.05) and found.frames_per_second == pytest.approx(10)
    assert found.segments()["end"].iloc[-1] == found.duration


@pytest.mark.parametrize(("size", "rate"), [((160, 120), 10), ((90, 160), 29.97), ((161, 91), 24)])
def test_the_annotated_copy_keeps_frames_size_rate_and_times(recognizer, tmp_path, size, rate):
    width, height = size
    noise = np.random.default_rng(0).integers(60, 200, (12, height, width, 3), dtype=np.uint8)
    with ClipWriter(tmp_path / "in.mp4", width, height, rate) as writer:
        for index, frame in enumerate(noise):
            writer.write(frame, index / rate)
    source = probe_clip(tmp_path / "in.mp4")
    found = recognizer.predict_clip(tmp_path / "in.mp4", stride=5, progress=False)
    out = recognizer.annotate_clip(found, tmp_path / "out.mp4", progress=False)
    copy = probe_clip(out)
    assert (copy.width, copy.height) == (source.width, source.height)
    assert copy.frames_per_second == pytest.approx(source.frames_per_second, rel=1e-3) and copy.frames == 12
    before, after = list(read_frames(tmp_path / "in.mp4")), list(read_frames(out))
    assert [t for t, _ in after] == pytest.approx([t for t, _ in before], abs=1e-3)
    for (_, old), (_, new) in zip(before, after, strict=True):
        middle = slice(int(0.75 * height), int(0.85 * height))  # between the panel and the timeline
        assert np.abs(old[middle].astype(int) - new[middle]).mean() < 12
        assert np.abs(old.astype(int) - new).mean() > 1


def test_the_annotated_copy_shows_every_frames_own_label(recognizer, clip, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        annotation_module,
        "draw_label",
        lambda frame, label, confidence, **_: drawn.append((label, confidence)) or frame,
    )
    found = recognizer.predict_clip(clip, stride=4, progress=False)
    recognizer.annotate_clip(found, tmp_path / "out.mp4", progress=False)
    table = found.frames()
    expected = table["label"].where(table["known"], UNKNOWN)
    assert drawn == [(expected[i // 4], table["confidence"][i // 4]) for i in range(32)]


def test_no_frame_is_read_before_it_is_needed(recognizer, clip, monkeypatch):
    """A long clip must fit into memory: never more than a few batches are read ahead."""
    read, recognised, furthest = [0], [0], [0]

    def counting(path, **options):
        frames = read_frames(path, **options)

        def counted():
            for item in ClipFrames.sparing(frames):
                read[0] += 1
                yield item

        frames.sparing = counted
        return frames

    def forward(squares):
        furthest[0] = max(furthest[0], read[0] - recognised[0])
        recognised[0] += len(squares)
        return np.zeros((len(squares), 3), np.float32)

    monkeypatch.setattr(recognizer_module, "read_frames", counting)
    monkeypatch.setitem(vars(recognizer), "_forward_clip", forward)
    recognizer.predict_clip(clip, size=2, progress=False)
    assert recognised[0] == 32 and furthest[0] <= 2 * 6 + 2


def test_progress_goes_to_the_end(recognizer, clip, monkeypatch):
    ends = []

    class Bar(progress.tqdm):
        def close(self):
            ends.append((self.n, self.total))
            super().close()

    monkeypatch.setattr(progress, "tqdm", Bar)
    recognizer.predict_clip(clip)
    assert ends[0] == (32, 32)


def test_a_warning_of_a_damaged_clip_reaches_the_caller(recognizer, clip, tmp_path):
    whole = clip.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: int(len(whole) * 0.7)])
    with pytest.warns(UserWarning, match="cut short"):
        found = recognizer.predict_clip(tmp_path / "cut.mp4", progress=False)
    assert 0 < len(found.times) < 32 and isinstance(found.frames(), pd.DataFrame)
