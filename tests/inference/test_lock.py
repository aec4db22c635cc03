"""No two networks compute at once, whatever asks for them."""

import concurrent.futures
import time

import numpy as np
import pytest
import tensorflow as tf
from checks import picture

from sr_keras import models
from sr_keras.inference.compiled import Runner
from sr_keras.inference.refine import forward_of


class Watched:
    """A compiled function that sees how often it runs at once."""

    def __init__(self):
        self.running = self.most = 0

    def __call__(self, images):
        self.running += 1
        self.most = max(self.most, self.running)
        time.sleep(0.02)
        self.running -= 1
        return tf.constant(images), tf.constant(0.0)


@pytest.mark.parametrize("kind", ["runner", "forward"])
def test_one_computes_at_a_time(kind, monkeypatch):
    watched = Watched()
    network = models.build("espcn", 2, num_filters=(3, 2), channels=3)
    monkeypatch.setattr(Runner, "_compiled", lambda self, bits: watched)
    network._forward = lambda images: watched(images)[0]
    compute = {
        "runner": Runner(network, 3).picture,
        "forward": forward_of(network),
    }[kind]
    image = picture(4, 4)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for found in pool.map(compute, [image] * 4):
            np.testing.assert_array_equal(found, image)
    assert watched.most == 1
