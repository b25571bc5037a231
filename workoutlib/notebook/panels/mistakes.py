"""The error browser: pick a cell of the confusion matrix, see those pictures and where the model looked."""

from __future__ import annotations

import json
from html import escape

import ipywidgets as widgets
import pandas as pd
from matplotlib import colormaps

from workoutlib.data.transforms import model_view
from workoutlib.evaluation.activation import activation_map, overlay_activation
from workoutlib.evaluation.metrics import confusion
from workoutlib.evaluation.predictions import Predictions
from workoutlib.notebook.panels.common import (
    ANY,
    Bridge,
    Panel,
    columns,
    control,
    gallery_html,
    message,
    on_change,
    row,
    scrolled,
)
from workoutlib.plots.common import VERMILION
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
                row(self.true, self.predicted, self.order, self.unit),
                columns((self.matrix,), (self.status, self.pictures), width=570),
                self.bridge,
            ],
        )
        self.refresh()
        on_change([self.true, self.predicted, self.order, self.unit], self.refresh)

    def refresh(self) -> None:
        """Find the pictures and show the first of them."""
        predictions = self.predictions.clips() if self.unit.value else self.predictions
        chosen = self.true.value, self.predicted.value
        self.matrix.value = matrix_html(confusion(predictions), self.bridge, chosen)
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
        self.pictures.value = self._explain()

    def _explain(self) -> str:
        model, config = self.recognizer.model, self.recognizer.config
        pictures, captions = [], []
        for each in self.found.head(SHOWN).itertuples():
            view, place = model_view(each.path, config), self.predictions.labels.index(each.predicted)
            pictures += [view, overlay_activation(view, activation_map(model, each.path, config, place))]
            captions += [f"{each.label} {each.true_confidence:.0%}", f"→ {each.predicted} {each.confidence:.0%}"]
        return gallery_html(pictures, captions, 2)

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


def matrix_html(counts: pd.DataFrame, bridge: Bridge, chosen: tuple[str, str]) -> str:
    """The confusion matrix with a button in every cell that is not empty: true labels down, predicted across.

    Args:
        chosen: true and predicted label of the cell that is marked.
    """
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    turned = "writing-mode:vertical-rl;transform:rotate(180deg);font-weight:normal"
    foot = "vertical-align:bottom;padding:0 0 4px"
    head = "".join(
        f"<th scope='col' style='{foot}'><span style='{turned}'>{escape(name)}</span></th>" for name in counts.columns
    )
    rows = []
    for true in counts.index:
        cells = [
            _cell(
                (true, predicted),
                counts.loc[true, predicted],
                shares.loc[true, predicted],
                bridge,
                marked=(true, predicted) == chosen,
            )
            for predicted in counts.columns
        ]
        style = "font-weight:normal;text-align:right;white-space:nowrap;padding:0 5px 0 0"
        name = f"<th scope='row' style='{style}'>{escape(true)}</th>"
        rows.append(f"<tr>{name}{''.join(cells)}</tr>")
    note = "true labels down, predicted labels across: click a cell to see its pictures"
    table = (
        "<table style='border-collapse:collapse;font-size:11px;line-height:1.1'>"
        f"<tr><th></th>{head}</tr>{''.join(rows)}</table>"
    )
    return f"<p style='line-height:1.3'>{note}</p>{scrolled(table)}"


def _cell(pair: tuple[str, str], number: int, share: float, bridge: Bridge, *, marked: bool) -> str:
    mark = f"outline:3px solid {VERMILION};outline-offset:-1px;position:relative;" if marked else ""
    if not number:
        return f"<td style='min-width:18px;padding:0;border:1px solid #8884;{mark}'></td>"
    true, predicted = pair
    red, green, blue = (round(255 * channel) for channel in colormaps["cividis"](share)[:3])
    text = f"{true} recognised: {number}" if true == predicted else f"{true} taken for {predicted}: {number}"
    style = (
        f"width:18px;height:18px;border:0;padding:0;cursor:pointer;font-size:10px;{mark}"
        f"background:rgb({red},{green},{blue});color:{'#000' if share > 0.55 else '#fff'}"
    )
    send = bridge.script(json.dumps(pair))
    return (
        f"<td style='padding:0'><button type='button' aria-pressed='{'true' if marked else 'false'}' "
        f"title='{escape(text, quote=True)}' "
        f'style="{style}" onclick="{send}">{number}</button></td>'
    )
