"""What a person should look at, and in which order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from workoutlib.data.annotations import OPEN, Annotations
from workoutlib.data.duplicates import distances, thumbnails_of


def review_order(annotations: Annotations) -> list[int]:
    """The rows that wait for a person: those first of which the model is least sure and which differ most.

    After the least sure one always that whose doubt (1 less the confidence), times the distance of its first picture
    from all that came before, is largest. Rows whose pictures are gone are left out.
    """
    waiting = annotations.table.index[annotations.table["status"] == OPEN]
    first = {number: paths[0] for number in waiting if (paths := annotations.paths(number)) and paths[0].is_file()}
    if not first:
        return []
    numbers = np.array(list(first))
    doubt = 1.001 - annotations.table.loc[numbers, "confidence"].to_numpy()
    thumbnails = thumbnails_of(first.values())
    nearest = np.full(len(numbers), 2.0)
    order: list[int] = []
    for _ in numbers:
        worth = np.where(np.isin(numbers, order), -1, doubt * (nearest + 1e-3))
        chosen = int(worth.argmax())
        order.append(int(numbers[chosen]))
        nearest = np.minimum(nearest, distances(thumbnails, thumbnails[chosen : chosen + 1])[:, 0])
    return order


def add_suspects(annotations: Annotations, suspects: pd.DataFrame) -> int:
    """Put pictures whose label looks wrong (`suspected_labels`) before a person; returns how many are new.

    What is decided holds for `read_catalog` of the folder; no file is moved.
    """
    sources = [str(Path(path).absolute()) for path in suspects["path"]]
    known = set(annotations.table["source"])
    rows = [
        {
            "source": source, "start": 0.0, "end": 0.0, "label": row.label, "confidence": round(1 - row.confidence, 4),
            "predicted": row.predicted, "second": row.label, "status": OPEN, "note": f"labelled {row.label}",
        }
        for source, row in zip(sources, suspects.itertuples(), strict=True)
        if source not in known
    ]  # fmt: skip
    if rows:
        annotations.add(rows)
    return len(rows)
