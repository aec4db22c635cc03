"""Training settings that the recipes of several networks have in common."""

# Adam's epsilon is relative to the gradient. The code of EDSR, A2N and DRN has
# 1e-8 (option.py) with L1 losses of images in [0, 255]; of images in [0, 1] the
# gradients are 255 times smaller.
EPSILON = 1e-8 / 255

# Former name of a recipe -> its name.
RENAMED = {"seed": "article"}

# What works well today for residual networks, in "default".
COSINE = {
    "loss": "l1", "optimizer": "adam", "learning_rate": 2e-4,
    "epsilon": EPSILON,
    "schedule": "cosine", "final_rate": 1e-6, "epochs": 300,
    "steps_per_epoch": 1000,
}  # fmt: skip
