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

# The weight of VGG54's content loss that makes it as large as the MSE of images
# in [-1, 1]. Ledig et al. 2017, section 3.2, divide the features by 12.75 "to
# obtain VGG losses of a scale that is comparable to the MSE loss", which is a
# weight of 0.006, for features of their own scale. Those of Keras's VGG19,
# which takes BGR from 0 to 255 about ImageNet's mean, are larger: on 96x96
# patches of five sets of photos their squared distance is 1,100 to 3,100 times
# the MSE, of bicubic and of SRResNet's images, so that 0.006 gives 7 to 18
# times the MSE, and this 0.8 to 2.1 times. tests/evaluation/test_perceptual.py
# measures.
VGG54_AS_MSE = 7e-4
