"""Models of other programs that are known and not imported: what they are, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

# (pattern of a weight's name, what such a model is)
_KINDS = (
    (r"(^|\.)lora_[AB]\.", "the differences to a model (LoRA) that is not in the file"),
    (r"(^|\.)(embeddings|embedder|convolution|attention\.attention)\.", "a model of Hugging Face's transformers"),
    (r"(^|\.)(rpn|roi_heads|dfl|class_embed|bbox_embed)\.", "a model that finds objects, not one that names pictures"),
    (r"(^|\.)(aux_classifier|segmentation_head|decode_head|classifier\.0\.convs)\.", "a model that segments pictures"),
    (r"^(module\.)?(logit_scale|text_projection)$|transformer\.resblocks\.", "a model of pictures and texts (CLIP)"),
    (r"(^|\.)features\.\d+\.squeeze\.weight$", "SqueezeNet, whose head is no linear layer"),
    (r"(^|\.)inception3a\.", "GoogLeNet, which may change the pictures first, as its weights do not tell"),
    (r"(^|\.)Mixed_5b\.", "Inception, which sees pictures of 299 pixels"),
)


def unsupported_kind(state: Mapping[str, Tensor]) -> str | None:
    """What a table of weights is of, if it is of a kind that is not imported; None of all others."""
    if any(value.ndim == 5 for value in state.values()):
        return "a model of clips, which sees several frames at once"
    return next((what for pattern, what in _KINDS if any(re.search(pattern, name) for name in state)), None)
