"""Figures about poses: a skeleton in space, joint angles over time, how well poses are estimated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from workoutlib.media.images import Picture, as_rgb
from workoutlib.plots.common import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, YELLOW, make_figure
from workoutlib.pose.accuracy import MEASURED, summarise
from workoutlib.pose.drawing import draw_skeleton
from workoutlib.pose.skeleton import JOINT_KINDS, JOINTS, LEFT_BONES, MIDDLE_BONES, RIGHT_BONES, Pose

_GRID = 0.25  # metres
_HEAD = slice(0, 11)  # landmarks that no bone joins


def plot_pose_3d(world: np.ndarray, *, turns: Sequence[float] = (0, 45, 90), title: str = "") -> Figure:
    """A pose's world coordinates (33, 3) side by side, the camera turned by so many degrees around the body.

    The grid's lines are 25 cm apart.
    """
    figure, axes = make_figure(3.2 * len(turns), 3.6, 1, len(turns), squeeze=False, subplot_kw={"projection": "3d"})
    points = world[:, [0, 2, 1]] * [1, 1, -1]  # x to the right, away from the camera, up
    middle, half = (points.min(0) + points.max(0)) / 2, max(np.ptp(points, axis=0).max() / 2, 0.1)
    for axis, turn in zip(axes.flat, turns, strict=True):
        for bones, colour in ((RIGHT_BONES, SKY), (MIDDLE_BONES, "black"), (LEFT_BONES, ORANGE)):
            for bone in bones:
                axis.plot(*points[list(bone)].T, color=colour, linewidth=3)
        axis.scatter(*points[_HEAD].T, color="black", s=8)
        for name, centre in zip("xyz", middle, strict=True):
            axis.set(**{f"{name}lim": (centre - half, centre + half)})
            lines = _GRID * np.arange(np.ceil((centre - half) / _GRID), (centre + half) / _GRID)
            axis.set(**{f"{name}ticks": lines, f"{name}ticklabels": []})
        axis.set_box_aspect((1, 1, 1), zoom=1.15)
        axis.view_init(elev=8, azim=turn - 90)
        axis.set_title(f"turned by {turn:.0f}°" if turn else "as the camera saw it", fontsize=10)
    figure.suptitle(title)
    return figure


def plot_angles(
    times: np.ndarray,
    angles: np.ndarray,
    *,
    frames: Sequence[tuple[float, Picture]] = (),
    joints: Sequence[str] = JOINT_KINDS,
    title: str = "",
) -> Figure:
    """Joint angles over time, a row a joint: left orange, right sky blue, as in the skeleton.

    Args:
        times: seconds (T,).
        angles: degrees (T, 8) from `joint_angles`.
        frames: (time, picture) pairs, shown in a row above; a dotted line marks the time of each.
    """
    heights = [1.5 if frames else 0.01, 1.25 * len(joints)]
    figure = Figure(figsize=(10, sum(heights) + 0.5), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=heights)
    top, bottom = parts
    if frames:
        strip = top.subplots(1, len(frames), squeeze=False).flat
        for axis, (time, picture) in zip(strip, frames, strict=True):
            axis.imshow(as_rgb(picture))
            axis.set_title(f"{time:.1f} s", fontsize=9)
            axis.axis("off")
    axes = bottom.subplots(len(joints), 1, sharex=True, squeeze=False)[:, 0]
    for axis, joint in zip(axes, joints, strict=True):
        for side, colour, style in (("right", SKY, "-"), ("left", ORANGE, "--")):
            axis.plot(times, angles[:, JOINTS.index(f"{side} {joint}")], style, color=colour, linewidth=2, label=side)
        for time, _ in frames:
            axis.axvline(time, color="0.4", linestyle=":", linewidth=1)
        axis.set(ylabel=f"{joint} (°)", ylim=(0, 190), yticks=(0, 90, 180))
        axis.grid(alpha=0.3)
    axes[-1].set(xlabel="time (s)", xlim=(times[0], times[-1]))
    bottom.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=2, fontsize=9)
    figure.suptitle(title)
    return figure


def plot_pose_accuracy(table: pd.DataFrame) -> Figure:
    """Joints in place, and mean errors of the angles, of each label in `evaluate_pose`'s table."""
    means = summarise(table).sort_values("pck", ascending=False)
    places = np.arange(len(means))
    figure, (left, right) = make_figure(10, 0.34 * len(means) + 1.5, 1, 2, sharey=True)
    bars = left.barh(places, 100 * means["pck"], color=BLUE)
    left.bar_label(bars, [f"{100 * share:.0f} %" for share in means["pck"]], padding=3, fontsize=9)
    left.set(xlim=(0, 115), xticks=range(0, 101, 25), xlabel="joints within a tenth of the trunk's length (%)")
    left.set_yticks(places, means.index)
    left.set_title("Joints in the picture")
    looks = zip(JOINT_KINDS, (VERMILION, GREEN, PURPLE, BLUE), "osD^", strict=True)
    for kind, colour, marker in looks:
        right.plot(means[kind], places, marker, color=colour, markersize=7, label=kind)
    right.set(xlim=(0, None), xlabel="mean error of the angle (°)", title="Joint angles")
    right.grid(alpha=0.3)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=len(JOINT_KINDS), fontsize=9)
    right.invert_yaxis()
    return figure


def plot_pose_errors(
    frames: Sequence[np.ndarray], poses: Sequence[Pose], truths: Sequence[np.ndarray], titles: Sequence[str]
) -> Figure:
    """Estimated skeletons side by side, with the true joints (12, 2) in pixels as dots and the errors as lines."""
    figure, axes = make_figure(3.4 * len(frames), 3.2, 1, len(frames), squeeze=False)
    edge = [withStroke(linewidth=4, foreground="black")]
    for axis, frame, pose, truth, title in zip(axes.flat, frames, poses, truths, titles, strict=True):
        axis.imshow(draw_skeleton(frame, pose))
        for estimate, joint in zip(pose.landmarks[MEASURED, :2], truth, strict=True):
            (line,) = axis.plot(*zip(estimate, joint, strict=True), color=YELLOW, linewidth=2, path_effects=edge)
        dots = axis.scatter(*truth.T, s=26, color=YELLOW, edgecolors="black", linewidths=0.8, zorder=3)
        axis.set(xlim=(0, frame.shape[1]), ylim=(frame.shape[0], 0))
        axis.set_title(title, fontsize=10)
        axis.axis("off")
    figure.legend([dots, line], ["true joint", "error"], loc="outside lower center", ncols=2, fontsize=9)
    return figure
