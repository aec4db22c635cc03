"""A2N in PyTorch, to compare the speed with: see torch_speed.py.

H. Chen, J. Gu, Z. Zhang, 2021, https://arxiv.org/abs/2104.09497. The names of
the tensors are those of the authors' weights.
"""

import torch
from torch import nn
from torch.nn import functional


def _conv(inputs, outputs, size=3, bias=False):
    return nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=bias)


class Attention(nn.Module):
    """Features times a mask of the same size."""

    def __init__(self, filters):
        super().__init__()
        self.k1 = _conv(filters, filters)
        self.k2 = _conv(filters, filters, 1, bias=True)
        self.k3 = _conv(filters, filters)
        self.k4 = _conv(filters, filters)

    def forward(self, x):
        mask = functional.leaky_relu(self.k1(x), 0.2, inplace=True)
        mask = torch.sigmoid(self.k2(mask))
        return self.k4(self.k3(x) * mask)


class Block(nn.Module):
    """Two branches, weighed by what the whole image looks like."""

    def __init__(self, filters):
        super().__init__()
        self.conv_first = _conv(filters, filters, 1)
        self.ADM = nn.Sequential(
            nn.Linear(filters, filters // 4, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(filters // 4, 2, bias=False),
        )
        self.attention = Attention(filters)
        self.non_attention = _conv(filters, filters)
        self.conv_last = _conv(filters, filters, 1)

    def forward(self, x):
        skip = x
        x = functional.leaky_relu(self.conv_first(x), 0.2, inplace=True)
        shares = self.ADM(x.mean((2, 3))) / 30
        first, second = shares.softmax(1)[:, :, None, None, None].unbind(1)
        x = self.attention(x) * first + self.non_attention(x) * second
        x = functional.leaky_relu(x, 0.2, inplace=True)
        return self.conv_last(x) + skip


class PixelAttention(nn.Module):
    def __init__(self, filters):
        super().__init__()
        self.conv = _conv(filters, filters, 1, bias=True)

    def forward(self, x):
        return x * torch.sigmoid(self.conv(x))


class A2N(nn.Module):
    """A2N x2: images (N, 3, H, W) in [0, 255] to (N, 3, 2*H, 2*W)."""

    def __init__(self, blocks=16, filters=40, up_filters=24):
        super().__init__()
        self.conv_first = _conv(3, filters, bias=True)
        self.AAB_trunk = nn.Sequential(*[Block(filters) for _ in range(blocks)])
        self.trunk_conv = _conv(filters, filters, bias=True)
        self.upconv1 = _conv(filters, up_filters, bias=True)
        self.att1 = PixelAttention(up_filters)
        self.HRconv1 = _conv(up_filters, up_filters, bias=True)
        self.conv_last = _conv(up_filters, 3, bias=True)

    def forward(self, lr):
        first = self.conv_first(lr)
        x = self.trunk_conv(self.AAB_trunk(first)) + first
        x = functional.interpolate(x, scale_factor=2, mode="nearest")
        x = self.att1(self.upconv1(x))
        x = functional.leaky_relu(x, 0.2, inplace=True)
        x = functional.leaky_relu(self.HRconv1(x), 0.2, inplace=True)
        skip = functional.interpolate(
            lr, scale_factor=2, mode="bilinear", align_corners=False
        )
        return self.conv_last(x) + skip
