"""One image and its bicubic enlargement, and the PSNRs that people report.

    python benchmarks/readings.py

The photo is examples/photos/test/HR/city.png, shrunk by 4 and enlarged again
with MATLAB's bicubic `imresize`, both in 8 bits. Nothing differs between the
readings but what is compared.
"""

from common import ROOT, table

SCALE = 4


def main():
    from sr_keras.evaluation import metrics
    from sr_keras.imaging import images
    from sr_keras.imaging.color import luma
    from sr_keras.imaging.resize import imresize

    path = ROOT / "examples" / "photos" / "test" / "HR" / "city.png"
    hr = images.quantize(images.read(path).pixels, 8)
    sr = imresize(imresize(hr, 1 / SCALE), float(SCALE))
    framed = [luma(x / 255) * 255 for x in (sr, hr)]
    rows = [
        ["`y`: luma 16..235, without the border",
         metrics.psnr(sr, hr, "y", SCALE)],
        ["`y8`: the same luma in 8 bits",
         metrics.psnr(sr, hr, "y8", SCALE)],
        ["the same, with the border", float(metrics.psnr_of(*framed))],
        ["`yiq`: luma 0..255, without the border",
         metrics.psnr(sr, hr, "yiq", SCALE)],
        ["`rgb`: three channels, with the border",
         metrics.psnr(sr, hr, "rgb", SCALE)],
    ]  # fmt: skip
    table(["what is compared", "PSNR"], rows)


if __name__ == "__main__":
    main()
