"""Blur kernels, and how many of the eight turns leave each as it is."""

import numpy as np


def kernels():
    box = np.ones((9, 9)) / 81
    line = np.zeros((5, 5))
    line[2] = 0.2
    corner = np.zeros((5, 5))
    corner[2, 2] = corner[1, 3] = corner[0, 3] = 1 / 3
    return {"box": (box, 8), "line": (line, 4), "corner": (corner, 1)}
