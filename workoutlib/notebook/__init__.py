"""What the notebooks need: the set-up cell, figures, panels."""
