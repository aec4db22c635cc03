"""ZSSR: training on one image."""
