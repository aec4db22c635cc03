"""Training settings that the recipes of several networks have in common."""

# What works well today for residual networks, in "default".
COSINE = {
    "loss": "l1", "optimizer": "adam", "learning_rate": 2e-4,
    "schedule": "cosine", "final_rate": 1e-6, "epochs": 300,
    "steps_per_epoch": 1000,
}  # fmt: skip
