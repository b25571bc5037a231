"""Colours and clothes of the athletes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Look:
    """Colours (RGB in 0..1) and cut of hair and clothes."""

    skin: tuple[float, float, float]
    hair: tuple[float, float, float]
    top: tuple[float, float, float]
    bottom: tuple[float, float, float]
    shoe: tuple[float, float, float]
    sole: tuple[float, float, float]
    accent: tuple[float, float, float]
    haircut: str  # bald, short, bun, tail, bob, cap
    shirt: str  # t-shirt, tank, long, bra, none
    trousers: str  # shorts, leggings, joggers
    beard: bool = False


SKINS = ("#f5ccb0", "#ecbb98", "#e8ae86", "#d59a6f", "#b87a50", "#96603d", "#74472d", "#563423")
HAIRS = ("#1d1a1b", "#2b2120", "#40291f", "#5d3a22", "#8a5a2f", "#c89a55", "#9c4a2a", "#8d8d92")
TOPS = (
    "#e4572e",
    "#f2a541",
    "#2e86ab",
    "#1b4965",
    "#3a7d44",
    "#84a98c",
    "#8e5aa8",
    "#d1495b",
    "#f4f1ea",
    "#30343f",
    "#17bebb",
    "#ef7b9d",
    "#5e6472",
    "#c9e265",
    "#9bc1e0",
    "#b23a48",
)
BOTTOMS = ("#20232b", "#2f3e5c", "#4a4e58", "#1f3a3d", "#6b7280", "#7a2e3a", "#3b2f5c", "#2a5674", "#111217")
SHOES = ("#f5f5f2", "#22242a", "#e4572e", "#2e86ab", "#c9e265", "#ef7b9d", "#8a8f99")


def color(code: str) -> tuple[float, float, float]:
    """Turn "#rrggbb" into RGB in 0..1."""
    return tuple(int(code[k : k + 2], 16) / 255 for k in (1, 3, 5))


def draw_look(rng: np.random.Generator, female: bool) -> Look:
    """Draw skin, hair and clothes."""
    pick = lambda codes: color(codes[int(rng.integers(len(codes)))])  # noqa: E731
    choose = lambda names, weights: str(rng.choice(names, p=weights))  # noqa: E731
    skin = int(rng.integers(len(SKINS)))
    return Look(
        skin=color(SKINS[skin]),
        hair=pick(HAIRS[:4] if skin > 3 else HAIRS),
        top=pick(TOPS),
        bottom=pick(BOTTOMS),
        shoe=pick(SHOES),
        sole=color("#f2efe8") if rng.random() < 0.7 else color("#2a2c31"),
        accent=pick(TOPS),
        haircut=choose(["bun", "tail", "bob", "short"], [0.35, 0.4, 0.2, 0.05])
        if female
        else choose(["short", "bald", "cap", "bun"], [0.68, 0.14, 0.13, 0.05]),
        shirt=choose(["t-shirt", "tank", "bra", "long"], [0.3, 0.32, 0.28, 0.1])
        if female
        else choose(["t-shirt", "tank", "none", "long"], [0.46, 0.3, 0.13, 0.11]),
        trousers=choose(["leggings", "shorts"], [0.75, 0.25])
        if female
        else choose(["shorts", "joggers"], [0.72, 0.28]),
        beard=not female and bool(rng.random() < 0.4),
    )
