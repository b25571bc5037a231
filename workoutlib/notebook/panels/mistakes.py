"""The error browser: pick a cell of the confusion matrix, see those pictures and where the model looked."""

from __future__ import annotations

import json
from html import escape

import ipywidgets as widgets
import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure

from workoutlib import plots
from workoutlib.data.transforms import model_view
from workoutlib.evaluation.activation import activation_map, overlay_activation
from workoutlib.evaluation.metrics import confusion
from workoutlib.evaluation.predictions import Predictions
from workoutlib.notebook.panels.common import ANY, Bridge, Panel, control, message, on_change, picture_html, row
from workoutlib.recognition.recognizer import Recognizer

SHOWN = 6


class ErrorBrowser(Panel):
    """Choose a true and a predicted class, in the matrix or in the menus; ``browser.found`` is the table.

    Args:
        recognizer: the model that made the predictions.
        predictions: of pictures whose labels are known.
    """

    def __init__(self, recognizer: Recognizer, predictions: Predictions):
        self.recognizer, self.predictions, self.found = recognizer, predictions, pd.DataFrame()
        names = [ANY, *predictions.labels]
        choice = widgets.Dropdown
        self.true = control(choice, "true", "What the pictures show", options=names)
        self.predicted = control(choice, "predicted", "What the model took them for", options=names)
        self.order = control(
            choice,
            "sort by",
            "Order of the pictures",
            options={"most confident first": False, "least confident first": True},
        )
        self.unit = control(
            choice,
            "by",
            "Single frames, or whole clips (the mean of a video's frames)",
            options={"frame": False, "clip": True},
        )
        self.bridge = Bridge(self._choose)
        self.matrix, self.status, self.pictures = widgets.HTML(), widgets.HTML(), widgets.HTML()
        super().__init__(
            "Error browser",
            [
                self.matrix,
                row(self.true, self.predicted, self.order, self.unit),
                self.status,
                self.pictures,
                self.bridge,
            ],
        )
        self.refresh()
        on_change([self.true, self.predicted, self.order, self.unit], self.refresh)

    def refresh(self) -> None:
        """Find the pictures and show the first of them."""
        predictions = self.predictions.clips() if self.unit.value else self.predictions
        self.matrix.value = matrix_html(confusion(predictions), self.bridge)
        self.found = matching(
            predictions,
            true=self.true.value,
            predicted=self.predicted.value,
            ascending=self.order.value,
            temperature=self.recognizer.temperature,
        )
        what = "clips" if self.unit.value else "pictures"
        kind = "wrongly recognised " if self.true.value == self.predicted.value == ANY else ""
        self.status.value = message(
            f"{len(self.found)} {kind}{what}" + f"; the first {SHOWN} are shown" * (len(self.found) > SHOWN)
        )
        self.pictures.value = "" if self.found.empty else picture_html(self._explain(), "Pictures and activation maps")

    def _explain(self) -> Figure:
        model, config = self.recognizer.model, self.recognizer.config
        views, looked, titles = [], [], []
        for each in self.found.head(SHOWN).itertuples():
            views.append(model_view(each.path, config))
            place = self.predictions.labels.index(each.predicted)
            looked.append(overlay_activation(views[-1], activation_map(model, each.path, config, place)))
            titles.append(f"{each.label} {each.true_confidence:.0%}\n→ {each.predicted} {each.confidence:.0%}")
        while len(views) < SHOWN:  # keeps the pictures small and the two rows below each other
            views.append(np.full_like(views[0], 255))
            looked.append(views[-1])
            titles.append("")
        return plots.plot_images(
            [*views, *looked], [*titles, *["what speaks for it"] * min(len(self.found), SHOWN)], columns=SHOWN
        )

    def _choose(self, cell: list[str]) -> None:
        self.true.value, self.predicted.value = cell


def matching(
    predictions: Predictions,
    *,
    true: str = ANY,
    predicted: str = ANY,
    ascending: bool = False,
    temperature: float = 1.0,
) -> pd.DataFrame:
    """The pictures of one cell, row or column of the confusion matrix; all mistakes where both are ``"any"``.

    Returns:
        Rows of ``Predictions.table``, sorted by confidence.
    """
    table = predictions.table(temperature)
    keep = pd.Series(True, table.index)
    if true != ANY:
        keep &= table["label"] == true
    if predicted != ANY:
        keep &= table["predicted"] == predicted
    if true == predicted == ANY:
        keep = table["label"] != table["predicted"]
    return table[keep].sort_values("confidence", ascending=ascending, kind="stable")


def matrix_html(counts: pd.DataFrame, bridge: Bridge) -> str:
    """The confusion matrix with a button in every cell that is not empty: true labels down, predicted across."""
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    turned = "writing-mode:vertical-rl;transform:rotate(180deg);font-weight:normal"
    head = "".join(
        f"<th scope='col' style='vertical-align:bottom'><span style='{turned}'>{escape(name)}</span></th>"
        for name in counts.columns
    )
    rows = []
    for true in counts.index:
        cells = [
            _cell(true, predicted, counts.loc[true, predicted], shares.loc[true, predicted], bridge)
            for predicted in counts.columns
        ]
        name = f"<th scope='row' style='font-weight:normal;text-align:right'>{escape(true)}</th>"
        rows.append(f"<tr>{name}{''.join(cells)}</tr>")
    note = "true labels down, predicted labels across: click a cell to see its pictures"
    return (
        f"<div style='overflow-x:auto'><p>{note}</p>"
        "<table style='border-collapse:collapse;font-size:12px;line-height:1.2'>"
        f"<tr><th></th>{head}</tr>{''.join(rows)}</table></div>"
    )


def _cell(true: str, predicted: str, number: int, share: float, bridge: Bridge) -> str:
    if not number:
        return "<td style='min-width:26px;border:1px solid #8884'></td>"
    red, green, blue = (round(255 * channel) for channel in colormaps["cividis"](share)[:3])
    text = f"{true} recognised: {number}" if true == predicted else f"{true} taken for {predicted}: {number}"
    style = (
        "width:26px;height:20px;border:0;padding:0;cursor:pointer;font-size:11px;"
        f"background:rgb({red},{green},{blue});color:{'#000' if share > 0.55 else '#fff'}"
    )
    send = bridge.script(json.dumps([true, predicted]))
    return (
        f"<td style='padding:0'><button type='button' title='{escape(text, quote=True)}' "
        f'style="{style}" onclick="{send}">{number}</button></td>'
    )
