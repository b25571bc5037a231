"""Read and write photos and clips; draw on them."""
