"""Scores: PSNR, SSIM, perceptual distances."""
