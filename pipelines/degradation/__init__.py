"""Degradations: making LR images, and finding out how they were made."""
