"""From a folder to batches: catalog, splits, download, decoded pictures, transforms."""
