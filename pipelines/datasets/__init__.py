"""Batches of patches from many images."""
