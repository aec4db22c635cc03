"""SRGAN: SRResNet, trained to look like a photo.

C. Ledig, L. Theis, F. Huszar, J. Caballero, A. Cunningham, A. Acosta,
A. Aitken, A. Tejani, J. Totz, Z. Wang, W. Shi, "Photo-Realistic Single Image
Super-Resolution Using a Generative Adversarial Network", CVPR 2017,
https://arxiv.org/abs/1609.04802

The network is that of `srresnet`; what is SRGAN's own is how it learns, in
`training/trainers/adversarial.py`.
"""

from sr_keras.models.recipes import VGG54_AS_MSE
from sr_keras.models.srresnet import SRResNet

SRGAN = SRResNet

# Equation 3: the content loss of VGG54, as large as an MSE, and 1e-3 of the
# adversarial one.
_PERCEPTUAL = {
    "pixel_weight": 0.0, "content_weight": VGG54_AS_MSE,
    "adversarial_weight": 1e-3, "content_layers": {"VGG54": 1.0},
}  # fmt: skip

RECIPES = {
    # 10,000 steps by pixels, then 900 against a discriminator that judges
    # small parts, and leads. What these make of a network is in benchmarks/.
    "default": {
        "objective": "adversarial",
        "network": {"num_blocks": 8, "num_filters": 32},
        "data": {
            "hr_patch_size": 64, "batch_size": 8, "degradation": "bicubic",
        },
        "learning": {
            "loss": "l1", "optimizer": "adam", "learning_rate": 5e-5,
            "schedule": "cosine", "final_rate": 1e-5, "epochs": 9,
            "steps_per_epoch": 100, "ema": 0.98,
        },
        "adversarial": {
            "pixel_weight": 1.0, "content_weight": 0.005,
            "content_layers": {"VGG22": 0.003, "VGG54": 1.0},
            "adversarial_weight": 0.03, "grid_weight": 300.0,
            "fixed_statistics": True, "discriminator": "convolutional",
            "discriminator_filters": 32, "label_smoothing": 0.1,
            "relativistic": True, "discriminator_rate": 2e-4,
            "discriminator_lead": 100, "pretrain_epochs": 100,
            "pretrain_rate": 1e-3, "pretrain_schedule": "cosine",
        },
    },
    "paper": {
        # Section 3.1: Y, by a tool whose rounding it does not say.
        "evaluation": {"protocol": None, "pipeline": "files"},
        "objective": "adversarial",
        # Section 3.2: 16 HR patches of 96x96 a step.
        "data": {
            "hr_patch_size": 96, "batch_size": 16, "degradation": "bicubic",
        },
        # Section 3.2: Adam with beta1 = 0.9; 1e5 steps at 1e-4, and 1e5 at
        # 1e-5. The epsilon is Kingma and Ba's: see srresnet.py.
        "learning": {
            "loss": "l2", "optimizer": "adam", "learning_rate": 1e-4,
            "beta1": 0.9, "epsilon": 1e-8, "schedule": "step",
            "step_every": 100, "step_factor": 0.1, "epochs": 200,
            "steps_per_epoch": 1000,
        },
        # Section 3.2: 1e6 steps of SRResNet by MSE at 1e-4 before.
        "adversarial": {
            **_PERCEPTUAL, "pretrain_epochs": 1000, "pretrain_rate": 1e-4,
            "pretrain_schedule": "constant",
        },
    },
    # The Keras article that this project grew from: 20 epochs by pixels and 5
    # against the discriminator, of 50 batches each. Weights begin at a tenth
    # of those of He et al. 2015, gammas at 0.1, and a PReLU has one slope. All
    # else is the paper's.
    "article": {
        "objective": "adversarial",
        "network": {
            "num_blocks": 16, "num_filters": 64, "initial_scale": 0.1,
            "initial_gamma": 0.1, "shared_slope": True,
        },
        "data": {
            "hr_patch_size": 96, "batch_size": 16, "degradation": "bicubic",
        },
        "learning": {
            "loss": "l2", "optimizer": "adam", "learning_rate": 1e-4,
            "beta1": 0.9, "epsilon": 1e-8, "schedule": "constant",
            "epochs": 5, "steps_per_epoch": 50,
        },
        "adversarial": {
            **_PERCEPTUAL, "pretrain_epochs": 20, "pretrain_rate": 1e-4,
            "pretrain_schedule": "constant",
        },
    },
}  # fmt: skip
