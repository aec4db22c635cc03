"""LR image in, SR image out."""
