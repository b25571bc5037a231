"""Clips of high dynamic range or wide gamut brought to BT.709: what a phone films as HLG or PQ looks as its SDR copy.

Signals are made linear (ITU-R BT.2100), brought to BT.709's primaries, scaled so that diffuse white (203 cd/m² by
ITU-R BT.2408) is white, and given an SDR display's gamma; what is brighter than white is rolled off. All that happens
at the resolution of the chroma planes, which costs a quarter; the luma plane follows by a curve and keeps its details.
"""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext

from workoutlib.media.curves import DIFFUSE_WHITE, HLG, PQ, TO_709, displayed, hlg, pq
from workoutlib.media.images import as_rgb
from workoutlib.media.upright import turn_upright

_UNSPECIFIED = (None, 0, 2)
_MATRICES = (1, 4, 5, 7)  # of SDR, which have one number in H.273 and in FFmpeg's scaler
_SDR = (1, 6, 14, 15, *_UNSPECIFIED)
# Weights of red and blue in luma, by matrix coefficients; others are taken for BT.709's.
_LUMA = {9: (0.2627, 0.0593), 10: (0.2627, 0.0593), 5: (0.299, 0.114), 6: (0.299, 0.114)}
_BT709, _BT601 = (0.2126, 0.0722), (0.299, 0.114)
# Displays decode with 2.4 (BT.1886), computers' pictures with about 2.2: this lies between.
_GAMMA = 2.25
# Some programs put white at 100 cd/m². The brightest of such a clip lies in this range, as a share of diffuse white.
_LOW_WHITE = {PQ: (0.44, 0.493, 0.52), HLG: (0.50, 0.538, 0.57)}
_HIGHLIGHTS = 1.15  # a first frame brighter than this times white has more than an SDR copy can hold
_KNEE = 0.95  # of white: from here on what is brighter is rolled off
_LARGE = 100_000  # pixels of a chroma plane from which on a table is quicker than to compute it
_BRIGHTEST, _STEPS = 4.0, 4096  # the table from linear light to a signal: up to so many times white


def untagged_matrix(frame: av.VideoFrame, container: Stated) -> int | None:
    """The matrix of a frame that names none: the container's, else as players guess it, BT.709 for HD.

    None leaves it to FFmpeg (BT.601).
    """
    large = frame.width >= 1280 or frame.height > 576
    if frame.colorspace not in _UNSPECIFIED or not frame.format.name.startswith("yuv"):
        return None
    if container.colorspace in _MATRICES:
        return container.colorspace
    return int(av.video.reformatter.Colorspace.ITU709) if large and not frame.format.name.startswith("yuvj") else None


class Later:
    """A frame that is brought to RGB when it is first looked at, if it is: many frames of a clip never are."""

    def __init__(self, to_rgb: ToRgb, frame: av.VideoFrame) -> None:
        self._to_rgb, self._frame = to_rgb, frame

    @cached_property
    def pixels(self) -> np.ndarray:
        """The frame as uint8 RGB (H, W, 3)."""
        return self._to_rgb(self._frame)


Shot = np.ndarray | Later
"""A frame of a clip, brought to RGB or waiting for it."""


def rgb_of(frame: Shot) -> np.ndarray:
    """A frame, brought to RGB now if that has not been done."""
    return frame.pixels if isinstance(frame, Later) else frame


class Stated(NamedTuple):
    """What a container states of a clip's colours, by their numbers in ITU-T H.273: decoders forget it."""

    color_trc: int
    color_primaries: int
    colorspace: int

    @classmethod
    def by(cls, codec: VideoCodecContext) -> Stated:
        """As it stands before the first frame is decoded."""
        return cls(*(int(getattr(codec, name, None) or 0) for name in cls._fields))


class ToRgb:
    """Brings the frames of one clip to RGB, upright; made of its first. Transparency is laid on white, as in photos.

    Args:
        stated: what the container says of their colours, where they do not say it themselves.
        size: (width, height) that they are shown with, before they are turned.
        matrix: turns them upright (`upright.display_matrix`).
    """

    def __init__(self, frame: av.VideoFrame, stated: Stated, size: tuple[int, int], matrix: np.ndarray) -> None:
        self._size, self._upright = size, matrix
        self._to_sdr, self._matrix = ToSdr.needed(frame, stated), untagged_matrix(frame, stated)
        self._clear = frame.format.has_palette or any(part.is_alpha for part in frame.format.components)
        self._reformatter = av.video.reformatter.VideoReformatter()  # frame.reformat sets one up for every frame
        self._one_at_a_time = threading.Lock()  # frames that wait (`Later`) are converted by another thread

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """The frame as uint8 RGB (H, W, 3)."""
        with self._one_at_a_time:
            return turn_upright(self._converted(frame, *self._size), self._upright)

    def _converted(self, frame: av.VideoFrame, width: int, height: int) -> np.ndarray:
        if self._to_sdr:
            return self._to_sdr(frame, width, height)
        form = "rgba" if self._clear else "rgb24"
        stored = self._reformatter.reformat(frame, width, height, form, src_colorspace=self._matrix).to_ndarray()
        return as_rgb(stored) if self._clear else stored


class ToSdr:
    """Brings the frames of one clip to BT.709; made of its first frame."""

    def __init__(self, frame: av.VideoFrame, transfer: int, primaries: int, matrix: int) -> None:
        self._hlg, self._to_709 = transfer == HLG, np.array(TO_709[primaries], np.float32)
        self._full = frame.color_range == 2
        self._to_rgb = _yuv_to_rgb(*_LUMA.get(matrix, _BT709))
        self._large: np.ndarray | None = None
        self._reformatter = av.video.reformatter.VideoReformatter()
        linear = {PQ: pq, HLG: hlg}.get(transfer, _display)(np.linspace(0, 1, 256))
        self._linear = _table(linear / DIFFUSE_WHITE.get(transfer, 1.0))
        white = brightest = 1.0
        if transfer in _LOW_WHITE:
            low, at_100, high = _LOW_WHITE[transfer]
            _, planes = self._planes(frame, frame.width + frame.width % 2, frame.height + frame.height % 2)
            brightest = float(np.quantile(self._light(planes).max(2), 0.999))
            white = at_100 if low <= brightest <= high else 1.0
        signal = (np.linspace(0, _BRIGHTEST**0.5, _STEPS) ** 2 / white) ** (1 / _GAMMA)
        if brightest > _HIGHLIGHTS:
            over = np.maximum(signal - _KNEE, 0) / (1 - _KNEE)
            signal = np.minimum(signal, _KNEE) + (1 - _KNEE) * (1 - np.exp(-over))
        self._signal = np.clip(255 * signal, 0, 255).round().astype(np.uint8)
        grey = np.full((1, 256, 3), 128, np.uint8)
        grey[0, :, 0] = np.arange(256)
        self._curve = self._convert(grey)[:, :, 0].astype(np.int16)  # as `change`: one type is added twice as fast

    @classmethod
    def needed(cls, frame: av.VideoFrame, container: Stated) -> ToSdr | None:
        """A converter for a clip that says that it is HDR or of wide gamut; None for all others."""

        def stated(name: str) -> int:
            values = (getattr(source, name, None) for source in (frame, container))
            return next((int(value) for value in values if value not in _UNSPECIFIED), 2)

        transfer, primaries, matrix = stated("color_trc"), stated("color_primaries"), stated("colorspace")
        if transfer in (PQ, HLG):
            return cls(frame, transfer, primaries if primaries in TO_709 else 9, matrix if matrix in _LUMA else 9)
        return cls(frame, transfer, primaries, matrix) if primaries in TO_709 and transfer in _SDR else None

    def __call__(self, frame: av.VideoFrame, width: int, height: int) -> np.ndarray:
        """The frame as uint8 RGB (height, width, 3)."""
        luma, planes = self._planes(frame, width + width % 2, height + height % 2)
        if planes.shape[0] * planes.shape[1] < _LARGE:
            converted, change = self._follow(planes)
        else:
            converted, change = self._look_up(planes)
        change = cv2.resize(change, luma.shape[::-1], interpolation=cv2.INTER_LINEAR)
        bright = cv2.add(cv2.LUT(luma, self._curve), change, dtype=cv2.CV_8U)
        parts = [bright.ravel(), converted[..., 0].ravel(), converted[..., 1].ravel()]
        rgb = cv2.cvtColor(np.concatenate(parts).reshape(-1, luma.shape[1]), cv2.COLOR_YUV2RGB_I420)
        return rgb[:height, :width]

    def _follow(self, planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Chroma (H, W, 2) of BT.709, and what luma (H, W) differs by from its curve."""
        converted = self._convert(planes)
        return converted[..., 1:], cv2.subtract(
            converted[..., 0], cv2.LUT(planes[..., 0], self._curve), dtype=cv2.CV_16S
        )

    def _look_up(self, planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `_follow`, from a table of luma in steps of 4 and every chroma: coarser chroma would be seen."""
        if self._large is None:
            luma, blue, red = np.ix_(np.arange(2, 256, 4), np.arange(256), np.arange(256))
            grid = np.stack(np.broadcast_arrays(luma, blue, red), -1, dtype=np.uint8, casting="unsafe")
            chroma, change = self._follow(grid.reshape(256, -1, 3))
            whole = np.empty((change.size, 2), np.int16)
            whole[:, 0] = change.ravel()
            whole.view(np.uint8)[:, 2:] = chroma.reshape(-1, 2)
            self._large = whole.view(np.int32).ravel()
        places = planes[..., 0].astype(np.int32) >> 2
        for channel in (1, 2):
            places <<= 8
            places |= planes[..., channel]
        found = np.take(self._large, places, mode="clip").view(np.int16).reshape(*places.shape, 2)
        return found.view(np.uint8)[..., 2:], np.ascontiguousarray(found[..., 0])

    def _planes(self, frame: av.VideoFrame, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """Luma (height, width), and luma and chroma (height / 2, width / 2, 3), uint8, of limited range."""
        ranges: dict[str, Any] = {"src_color_range": "JPEG", "dst_color_range": "MPEG"} if self._full else {}
        stored = self._reformatter.reformat(frame, width, height, "yuv420p", **ranges).to_ndarray()
        luma, (height, width) = stored[:height], (height // 2, width // 2)
        blue, red = stored[2 * height :].reshape(2, height, width)
        return luma, cv2.merge([cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA), blue, red])

    def _light(self, planes: np.ndarray) -> np.ndarray:
        """Linear light in BT.709's primaries, float32 (H, W, 3), diffuse white at 1."""
        light = cv2.transform(cv2.LUT(cv2.transform(planes, self._to_rgb), self._linear), self._to_709)
        return displayed(light) if self._hlg else light

    def _convert(self, planes: np.ndarray) -> np.ndarray:
        """Planes (H, W, 3) of the clip as those of BT.709, in BT.601's matrix, which OpenCV reads."""
        roots = cv2.sqrt(np.clip(self._light(planes), 0, _BRIGHTEST))
        places = (roots * ((_STEPS - 1) / _BRIGHTEST**0.5)).astype(np.uint16)
        return cv2.transform(self._signal[places], _rgb_to_yuv(*_BT601))


def _display(signal: np.ndarray) -> np.ndarray:
    return signal**_GAMMA


def _table(values: np.ndarray) -> np.ndarray:
    """A look-up table of OpenCV, the same for all three channels."""
    return np.ascontiguousarray(np.repeat(values.astype(np.float32)[None, :, None], 3, 2))


def _rgb_to_yuv(red: float, blue: float) -> np.ndarray:
    """(3, 4) of uint8 RGB to Y'CbCr of limited range, from the weights of red and blue in luma."""
    luma = np.array([red, 1 - red - blue, blue])
    rows = [219 / 255 * luma]
    for channel, weight in ((2, blue), (0, red)):
        rows.append(112 / 255 * (np.eye(3)[channel] - luma) / (1 - weight))
    return np.column_stack([np.array(rows), [16, 128, 128]]).astype(np.float32)


def _yuv_to_rgb(red: float, blue: float) -> np.ndarray:
    """The inverse of `_rgb_to_yuv`."""
    forward = _rgb_to_yuv(red, blue).astype(np.float64)
    inverse = np.linalg.inv(forward[:, :3])
    return np.column_stack([inverse, -inverse @ forward[:, 3]]).astype(np.float32)
