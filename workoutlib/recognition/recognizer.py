"""Using a trained model: photos, folders and clips, all through one preprocessing path."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from workoutlib.config import Backend, Config
from workoutlib.data.transforms import view_box
from workoutlib.media.images import Picture, as_rgb
from workoutlib.media.overlay import dim_outside, draw_label
from workoutlib.media.video_reader import probe_clip, read_frames
from workoutlib.models.build import Classifier
from workoutlib.models.checkpoints import Checkpoint, read_checkpoint
from workoutlib.models.stored import StoredModel
from workoutlib.pose.body_model import BodyModel
from workoutlib.pose.drawing import draw_skeleton
from workoutlib.pose.estimator import PoseEstimator
from workoutlib.pose.sequence import PoseSequence
from workoutlib.pose.skeleton import Pose
from workoutlib.pose.smoothing import smooth
from workoutlib.pose.tracking import PoseTracker
from workoutlib.recognition.analysis import ClipWorkout, analyze_clip
from workoutlib.recognition.annotation import write_annotated
from workoutlib.recognition.clips import SMOOTHING, ClipPrediction, LogitReader, Prediction, Watch, look_at, spread
from workoutlib.recognition.export import SUFFIXES, Exported, read_exported
from workoutlib.recognition.forward import Forward, logits_of, views_of
from workoutlib.recognition.picture import PictureModel
from workoutlib.utils import devices
from workoutlib.utils.errors import WorkoutlibError
from workoutlib.utils.prefetch import chunks, prefetch
from workoutlib.utils.progress import progress_bar, tell


class Recognizer(LogitReader):
    """A trained model ready to look at pictures and clips.

    Args:
        model: maps normalised images to logits, built or as a checkpoint stores it; or a function from uint8 squares
            (N, resize, resize, 3) to logits, as an exported one; ``None``: the body alone decides.
        labels: class names in the order of the logits.
        config: how pictures are brought to the model's size.
        temperature: divides the logits before the softmax.
        unknown_threshold: a largest logit below it means "no known exercise"; ``None`` switches that off.
        device: default, the best one here.
        backend: ``"torch"``; ``"openvino"``, several times faster on a CPU once it has compiled the model (needs
            the package openvino); or ``"auto"``, which takes that for clips on a CPU where it is installed.
        body: recognises by pose and motion; its answers are joined with the model's.
    """

    def __init__(
        self,
        model: Classifier | StoredModel | Forward | None,
        labels: Sequence[str],
        config: Config,
        *,
        temperature: float = 1.0,
        unknown_threshold: float | None = None,
        device: torch.device | None = None,
        backend: str = "auto",
        body: BodyModel | None = None,
    ) -> None:
        super().__init__(labels, temperature=temperature, unknown_threshold=unknown_threshold)
        self.device = device or devices.pick_device()
        self.config, self.body = config, body
        self.knows_hands = isinstance(model, Classifier | StoredModel) and model.knows_hands
        self._no_poses: WorkoutlibError | None = None
        if backend not in get_args(Backend):
            raise WorkoutlibError(f"no back end {backend!r}: choose one of {', '.join(get_args(Backend))}")
        self.backend = backend
        if isinstance(model, Classifier | StoredModel):
            self._picture = PictureModel(model, config, device=self.device, backend=backend)
            self._forward = self._picture.photos
        elif model is None and body is None:
            raise WorkoutlibError("a recognizer needs a model, a body model, or both")
        else:
            self._forward = model or self._no_picture

    @property
    def model(self) -> Classifier:
        """The picture model, on its device, where it is one of torch's."""
        return self._picture.model

    @cached_property
    def _forward_clip(self) -> Forward:
        """As ``_forward``; for all of a clip's frames it pays to compile the model first."""
        return self._picture.clips if hasattr(self, "_picture") else self._forward

    @classmethod
    def from_checkpoint(
        cls, path: str | Path | Checkpoint, *, labels: Sequence[str] | None = None, **options: Any
    ) -> Recognizer:
        """Build a recognizer from a checkpoint (file or loaded), or from what `export_model` wrote.

        `labels` as for `load_checkpoint`.
        """
        if not isinstance(path, Checkpoint) and Path(path).suffix in SUFFIXES.values():
            return cls._from_exported(read_exported(path, labels=labels), **options)
        stored = path if isinstance(path, Checkpoint) else read_checkpoint(path, labels=labels)
        made = cls(
            stored.source,
            stored.labels,
            stored.config,
            temperature=stored.temperature,
            unknown_threshold=stored.unknown_threshold,
            body=BodyModel.from_state(stored.body, stored.labels) if stored.body else None,
            **options,
        )
        if isinstance(kept := stored.metrics.get("keep_confidence"), float):
            made.keep_confidence = kept
        return made

    @classmethod
    def _from_exported(cls, found: Exported, **options: Any) -> Recognizer:
        """Runs through OpenVINO, on the processor, whatever the back end is called."""
        options |= {"device": torch.device("cpu"), "body": found.body, "temperature": found.temperature}
        made = cls(found.forward, found.labels, found.config, unknown_threshold=found.unknown_threshold, **options)
        made.knows_hands = found.knows_hands
        made.keep_confidence = made.keep_confidence if found.keep_confidence is None else found.keep_confidence
        return made

    @cached_property
    def pose_estimator(self) -> PoseEstimator:
        """BlazePose, fetched once where it is not here yet."""
        return PoseEstimator()

    def _require_poses(self, *, wanted: bool = False) -> bool:
        """Get the pose network that the body model needs; where it cannot be had, the picture decides alone.

        Returns:
            Whether it is here; without a body model and if it is not `wanted`, nothing is fetched for that.
        Raises:
            WorkoutlibError: it cannot be had, and there is no picture model.
        """
        if self.body is None and not wanted:
            return False
        try:
            if self._no_poses:  # fetching has failed before
                raise self._no_poses
            _ = self.pose_estimator
        except WorkoutlibError as error:
            if self._forward == self._no_picture:
                raise
            self._no_poses = error
            warnings.warn(f"recognising by the picture alone, without the body: {error}", stacklevel=3)
            self.body = None
            return False
        return True

    def _no_picture(self, squares: np.ndarray) -> np.ndarray:
        return np.zeros((len(squares), len(self.labels)), np.float32)

    def _views(self, pixels: np.ndarray, pose: Pose | None) -> np.ndarray:
        return views_of(pixels, pose if self.knows_hands and self.body else None, self.config)

    def _logits_of(self, forward: Forward, views: Sequence[np.ndarray]) -> np.ndarray:
        return logits_of(forward, views, len(self.labels))

    def logits(self, images: Iterable, *, size: int = 32) -> np.ndarray:
        """Logits (N, C), float32, of arrays, PIL images or paths, `size` at a time."""
        self._require_poses()
        again = self.body is not None and self.body.looks > 1
        images, parts = iter(images), []
        while batch := [as_rgb(image) for image in islice(images, size)]:
            poses = [self.pose_estimator.exerciser(pixels, again=again) if self.body else None for pixels in batch]
            picture = self._logits_of(self._forward, [*map(self._views, batch, poses)])
            parts.append(self.body.fuse(picture, PoseSequence.of(range(len(batch)), poses)) if self.body else picture)
        return np.concatenate(parts) if parts else np.empty((0, len(self.labels)), np.float32)

    def stream_logits(self, frame: np.ndarray, pose: Pose | None = None) -> np.ndarray:
        """What the picture model says of a frame of a stream, uint8 RGB, and of the hands of a `pose`: logits (C,)."""
        return self._logits_of(self._forward_clip, [self._views(frame, pose)])[0]

    def predict(self, image: Picture) -> Prediction:
        """Recognise one picture: an array, a PIL image or a path.

        Raises:
            WorkoutlibError: the picture cannot be read.
        """
        return self.read_logits(self.logits([image])[0])

    def annotate(
        self, image: Picture, found: Prediction | None = None, *, skeleton: bool = False, crop: bool = False
    ) -> np.ndarray:
        """A copy of a picture (uint8 RGB, its own size) with label and confidence drawn on it.

        Args:
            found: what `predict` said of it, where that is known already.
            skeleton: draw the exerciser's skeleton.
            crop: darken what the model does not see.
        """
        pixels = as_rgb(image)
        found = found or self.predict(pixels)
        pose = self.pose_estimator.exerciser(pixels, again=False) if skeleton else None
        drawn = self._draw_person(pixels, pose, crop=crop)
        return draw_label(drawn, found.shown, found.confidence, top3=found.top3)

    def _draw_person(self, frame: np.ndarray, pose: Pose | None, *, skeleton: bool = True, crop: bool) -> np.ndarray:
        seen = dim_outside(frame, view_box(frame.shape, self.config)) if crop else frame
        return draw_skeleton(seen, pose) if pose and skeleton else seen

    def predict_clip(
        self,
        path: str | Path,
        *,
        stride: int = 1,
        size: int = 32,
        progress: bool = True,
        poses: bool = False,
        on_frames: Watch | None = None,
    ) -> ClipPrediction:
        """Recognise every `stride`-th frame of a clip, with `size` frames in memory at a time.

        Args:
            poses: follow the exerciser's pose too (`ClipPrediction.poses`); with a body model always.
            on_frames: called as ``on_frames(frames_done, frames)`` now and then; what it raises ends the work.
        Raises:
            WorkoutlibError: the clip cannot be read.
        """
        if stride < 1:
            raise WorkoutlibError(f"the stride must be at least 1 (every frame), not {stride}")
        self._require_poses()
        info = probe_clip(path)
        total = info.frames and -(-info.frames // stride)
        bar = progress_bar(None, info.path.name, total=total, unit="frame", leave=False, show=progress)
        tracker = PoseTracker(self.pose_estimator, skip=True) if poses or self.body else None
        frames = read_frames(path, stride=stride)
        times, seen = list[float](), list[float]()
        parts, found = list[np.ndarray](), list[PoseSequence]()
        for batch in prefetch(chunks(look_at(prefetch(frames.sparing()), tracker, self._views), size)):
            now = [time for time, _, _ in batch]
            times += now
            if tracker:
                found.append(PoseSequence.of(now, [pose for _, _, pose in batch]))
            views = {time: each for time, each, _ in batch if each is not None}
            if views:
                seen += views
                parts.append(self._logits_of(self._forward_clip, list(views.values())))
            bar.update(len(batch))
            tell(info.path.name, len(times), total)
            if on_frames:
                on_frames(len(times), total)
        bar.close()
        duration = frames.end or times[-1] + 1 / info.frames_per_second
        logits, sequence, whole = spread(np.concatenate(parts), seen, times), None, None
        if tracker:
            sequence = PoseSequence.joined(found)
            found.clear()  # smoothing takes the memory of them
            sequence = smooth(sequence)
        if self.body and sequence:
            logits, whole = self.body.fuse_clip(logits, sequence)
        rate = info.frames_per_second
        return ClipPrediction(Path(path), np.array(times), logits, duration, rate, self, poses=sequence, whole=whole)

    def analyze(
        self, path: str | Path, *, stride: int = 1, progress: bool = True, on_frames: Watch | None = None
    ) -> ClipWorkout:
        """Recognise a clip and tell its sets, their repetitions and faults of form; arguments as for `predict_clip`.

        Where nobody is seen, or the pose network cannot be had, there are no sets.
        """
        poses = self._require_poses(wanted=True)
        return analyze_clip(self.predict_clip(path, stride=stride, progress=progress, poses=poses, on_frames=on_frames))

    def annotate_clip(
        self,
        clip: ClipPrediction | ClipWorkout,
        out: str | Path,
        *,
        smoothing: float = SMOOTHING,
        progress: bool = True,
        skeleton: bool = True,
        crop: bool = False,
        on_frames: Watch | None = None,
    ) -> Path:
        """Write a copy of a recognised clip with label, confidence, time, timeline and skeleton drawn on every frame.

        The skeleton is drawn where the clip was recognised with its poses, and of a workout (`analyze`) the count of
        repetitions, how far the present one has come, and hints on its form.

        It is H.264 that plays in a browser, with the source's size, rate, rotation, length and sound.

        Args:
            skeleton: draw the exerciser's skeleton.
            crop: darken what the model does not see.
            on_frames: as for `predict_clip`; when it raises, nothing is left of the copy.
        """
        person = partial(self._draw_person, skeleton=skeleton, crop=crop)
        options: dict[str, Any] = {"smoothing": smoothing, "progress": progress}
        workout = clip if isinstance(clip, ClipWorkout) else None
        prediction = clip.clip if isinstance(clip, ClipWorkout) else clip
        return write_annotated(prediction, workout, Path(out), person, on_frames=on_frames, **options)
