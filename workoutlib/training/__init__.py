"""The training loop, the run around it, and whole experiments."""
