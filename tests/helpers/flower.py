"""A small image, and kernels to blur it with."""

import numpy as np

# A 12x12 crop of a CC0 photo (GB82 "flowers", green), and what exact rational
# arithmetic with MATLAB's two roundings makes of it.
FLOWER = """
203 207 205 195 198 204 208 209 209 208 200 175
142 135 131 135 141 156 167 171 174 168 168 156
100  98 105 109 113 131 141 141 143 153 168 172
134 136 144 148 157 163 178 196 207 208 185 162
190 198 200 207 212 211 214 219 203 157 132 151
225 224 222 219 218 219 214 182 132 124 149 167
224 222 223 219 214 190 149 120 131 151 127 151
187 181 178 176 155 129 130 144 161 133  93 106
105 102 138 144 146 153 162 175 150 101  80  92
106 115 155 167 177 180 184 148 117 110  82  99
142 158 182 194 196 191 149 118 148 142  99 106
178 192 204 209 191 150 123 135 150 128 108 115
"""
FLOWER = np.array(FLOWER.split(), np.uint8).reshape(12, 12)


def gaussian(size, sigma, shift=0.0):
    x = np.arange(size) - size // 2
    line = np.exp(-((x - shift) ** 2) / (2 * sigma**2))
    kernel = np.outer(line, np.exp(-(x**2) / (2 * sigma**2)))
    return kernel / kernel.sum()


def skewed(rng):
    """A kernel of full rank whose centre of mass is off its middle."""
    kernel = rng.random((7, 5))
    return kernel / kernel.sum()
