"""Scores: PSNR, SSIM, perceptual distances."""

# What a network can compute in, the metrics, and the distances between
# features: here, so that --help need not import NumPy.
PRECISIONS = ("auto", "float32", "bfloat16")
METRICS = ("psnr", "ssim", "ms-ssim", "zncc")
PERCEPTUAL = ("vgg19", "lpips")
