"""How much of the processor ZSSR's training pairs take.

    python benchmarks/zssr_pairs.py

Draws batches of the default recipe from the example photo, and prints the
processor's time for one: it is taken from the step that learns beside it. The
same script in a checkout of an earlier commit says what a change has brought.
"""

import time

from common import ROOT, machine, table

BATCHES = 100


def main():
    from sr_keras import models
    from sr_keras.imaging import images
    from sr_keras.pipelines import single_image
    from sr_keras.pipelines.zero_shot.pairs import Augmentation

    recipe = models.recipe("zssr")
    size = recipe["learning"]["batch_size"]
    augmentation = Augmentation(**recipe["augmentation"])
    photo = images.read(ROOT / "examples" / "guitar.png").pixels
    pairs = iter(
        single_image(
            [(photo, (1.0, 1.0))], (2, 2), augmentation, batch_size=size
        )
    )
    next(pairs)  # the graph
    start = time.process_time()
    for _ in range(BATCHES):
        next(pairs)
    each = (time.process_time() - start) / BATCHES * 1e3
    print(machine(), end="\n\n")
    sides = " or ".join(f"{n}x{n}" for n in augmentation.crop_sizes)
    table(["batch", "CPU ms"], [[f"{size} x {sides}", each]])


if __name__ == "__main__":
    main()
