"""What every room uses: errors, paths, atomic files, devices, prefetching."""
