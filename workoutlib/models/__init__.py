"""Models, their weights, checkpoints, and their logits of pictures."""
