"""Files of other programs: read as they are, and ours read by them."""

import struct

import numpy as np
import pytest
import tifffile
from image_files import chunk, numbers, png_file, stored
from PIL import Image, JpegImagePlugin

from sr_keras.imaging import images

# --- agreement with Pillow and OpenCV ----------------------------------------

PILLOW = [
    ("png", "1 L LA P RGB RGBA"),
    ("tif", "1 L LA P RGB RGBA CMYK YCbCr"),
    ("bmp", "1 L P RGB"),
    ("webp", "RGB RGBA"),
    ("jpg", "L RGB CMYK"),
    ("gif", "L P RGB"),
]


@pytest.mark.parametrize(
    ("suffix", "mode"), [(s, m) for s, modes in PILLOW for m in modes.split()]
)
def test_reads_what_pillow_reads(pillow_file, suffix, mode):
    picture = Image.fromarray(numbers(9, 12, 4), "RGBA").convert(mode)
    path = pillow_file(picture, f"a.{suffix}")
    expected = Image.open(path)
    grey = expected.mode in ("1", "L", "LA")
    wanted = ("L" if grey else "RGB") + "A" * expected.has_transparency_data
    image = images.read(path)
    np.testing.assert_array_equal(stored(image), expected.convert(wanted))
    assert image.bits == 8
    assert image.format == images.SUFFIXES[f".{suffix}"]
    assert image.pixels.flags.c_contiguous


def test_a_bitmap_without_its_files_header(put, pillow_file):
    picture = Image.fromarray(numbers(9, 12, 3))
    path = pillow_file(picture, "a.dib")
    assert path.read_bytes()[:2] != b"BM"
    image = images.read(path)
    np.testing.assert_array_equal(stored(image), picture)
    assert image.format == "bmp"


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "bmp", "jpg"])
@pytest.mark.parametrize("mode", ["L", "RGB", "LA", "RGBA"])
def test_pillow_reads_what_is_written(tmp_path, suffix, mode):
    smooth = np.linspace(0.1, 0.9, 16 * 16 * 4).reshape(16, 16, 4)
    smooth = smooth.astype(np.float32)
    channels = 1 if mode[0] == "L" else 3
    alpha = smooth[..., 3:] if mode[-1] == "A" else None
    image = images.Image(smooth[..., :channels], alpha)
    images.write(tmp_path / f"a.{suffix}", image, 100)
    picture = Image.open(tmp_path / f"a.{suffix}")
    if suffix in ("bmp", "jpg"):
        mode = mode.removesuffix("A")
    if suffix == "webp":
        mode = mode.replace("L", "RGB")
    assert picture.mode == mode
    array = np.asarray(picture).reshape(16, 16, -1) / 255
    mine = images.read(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(np.asarray(picture), stored(mine))
    lossy = suffix in ("webp", "jpg")
    if suffix in ("jpg", "bmp") and alpha is not None:
        smooth = smooth * alpha + 1 - alpha
    if mode[-1] == "A":
        np.testing.assert_allclose(array[..., -1:], alpha, atol=0.002)
    else:
        near = 0.02 if lossy else 0.002
        np.testing.assert_allclose(array[..., 0], smooth[..., 0], atol=near)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
def test_agrees_with_opencv(tmp_path, suffix, channels, bits):
    cv2 = pytest.importorskip("cv2")
    array = numbers(9, 12, channels, bits=bits)
    theirs = str(tmp_path / f"theirs.{suffix}")
    swapped = [0] if channels == 1 else [2, 1, 0, 3][:channels]
    assert cv2.imwrite(theirs, array[..., swapped])
    image = images.read(theirs)
    assert image.bits == bits
    np.testing.assert_array_equal(stored(image), array.squeeze())
    ours = str(tmp_path / f"ours.{suffix}")
    images.write(ours, image)
    back = cv2.imread(ours, cv2.IMREAD_UNCHANGED)
    assert back.dtype == array.dtype
    if (suffix, channels, bits) == ("tif", 4, 8):
        # OpenCV hands out these colours multiplied by alpha, and no others.
        array[..., :3] = (array[..., :3] * (array[..., 3:] / 255)).round()
        np.testing.assert_allclose(back, array[..., swapped], atol=1)
    else:
        np.testing.assert_array_equal(back, array[..., swapped].squeeze())


def test_grey_alpha_of_16_bits_keeps_its_bits(put):
    array = numbers(2, 3, 2, bits=16)
    rows = b"".join(b"\0" + row.tobytes() for row in array.astype(">u2"))
    path = put(png_file((3, 2, 16, 4), rows=rows))
    np.testing.assert_array_equal(stored(images.read(path)), array)


@pytest.mark.parametrize(("quality", "sampling"), [(90, 0), (89, 2)])
def test_jpeg_of_high_quality_has_all_of_the_colour(
    tmp_path, quality, sampling
):
    image = images.Image(np.full((16, 16, 3), 0.5, np.float32))
    images.write(tmp_path / "a.jpg", image, quality)
    picture = Image.open(tmp_path / "a.jpg")
    assert JpegImagePlugin.get_sampling(picture) == sampling


# --- kinds of PNG ------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_transparent_grey_png(put, depth):
    # Pillow gets this wrong for 2 and 4 bits.
    row = {1: b"\x40", 2: b"\x10", 4: b"\x01", 8: b"\0\1", 16: b"\0\0\0\1"}
    path = put(
        png_file(
            (2, 1, depth, 0),
            chunk(b"tRNS", struct.pack(">H", 1)),
            rows=b"\0" + row[depth],
        )
    )
    image = images.read(path)
    assert image.bits == max(depth, 8)
    np.testing.assert_array_equal(image.alpha[0, :, 0], [1, 0])
    np.testing.assert_allclose(
        image.pixels[0, :, 0], [0, 1 / (2**depth - 1)], rtol=1e-6
    )


def test_transparent_colour_of_16_bit_png(put):
    array = np.array([[[1, 2, 3], [256, 2, 3]]], ">u2")
    key = chunk(b"tRNS", struct.pack(">HHH", 256, 2, 3))
    path = put(png_file((2, 1, 16, 2), key, rows=b"\0" + array.tobytes()))
    image = images.read(path)
    np.testing.assert_array_equal(stored(image)[..., :3], array)
    np.testing.assert_array_equal(image.alpha[0, :, 0], [1, 0])


def test_palette_png_with_transparency(put):
    palette = chunk(b"PLTE", bytes([10, 20, 30, 40, 50, 60]))
    faint = chunk(b"tRNS", bytes([128]))
    path = put(png_file((2, 1, 8, 3), palette, faint, rows=b"\0\0\1"))
    expected = [[[10, 20, 30, 128], [40, 50, 60, 255]]]
    np.testing.assert_array_equal(stored(images.read(path)), expected)


def test_interlaced_png(put):
    # Adam7 of 2x1: pass 1 has the left pixel, pass 6 the right one.
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 1)
    left, right = numbers(2, 3, bits=16).astype(">u2")
    rows = b"\0" + left.tobytes() + b"\0" + right.tobytes()
    content = png_file((2, 1, 16, 2), rows=rows)
    old = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0))
    path = put(content.replace(old, chunk(b"IHDR", header)))
    np.testing.assert_array_equal(stored(images.read(path)), [[left, right]])


# --- kinds of TIFF -----------------------------------------------------------


@pytest.mark.parametrize(
    "compression", [None, "lzw", "zlib", "packbits", "zstd"]
)
@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_compressions(tmp_path, compression, bits):
    array = numbers(9, 12, 3, bits=bits)
    tifffile.imwrite(tmp_path / "a.tif", array, compression=compression)
    np.testing.assert_array_equal(
        stored(images.read(tmp_path / "a.tif")), array
    )


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 31])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_tiff_layouts(tmp_path, dtype, channels, planar, tile):
    array = numbers(18, 20, channels).astype(dtype)
    if dtype == "float32":
        array /= 255
    data = array if planar == "contig" else np.moveaxis(array, -1, 0)
    options = {"planarconfig": planar} if channels > 1 else {}
    tifffile.imwrite(
        tmp_path / "a.tif",
        data.squeeze(),
        photometric="rgb" if channels == 3 else "minisblack",
        tile=tile,
        bigtiff=channels == 5,
        **options,
    )
    image = images.read(tmp_path / "a.tif")
    assert image.bits == 8 * array.itemsize
    assert image.alpha is None
    np.testing.assert_array_equal(
        images.quantize(image.pixels, image.bits), array
    )


def test_tiff_with_premultiplied_alpha(tmp_path):
    array = np.uint16([[[100, 200, 300, 1000], [0, 0, 0, 0]]])
    tifffile.imwrite(
        tmp_path / "a.tif", array, photometric="rgb", extrasamples=[1]
    )
    image = images.read(tmp_path / "a.tif")
    np.testing.assert_allclose(image.pixels[0, 0], [0.1, 0.2, 0.3], rtol=1e-6)
    np.testing.assert_array_equal(image.pixels[0, 1], 0)
    np.testing.assert_allclose(image.alpha[0, :, 0] * 65535, [1000, 0])


def test_tiff_where_white_is_zero(tmp_path):
    array = np.uint8([[0, 255, 100]])
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="miniswhite")
    image = images.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(stored(image), [[255, 0, 155]])


def test_tiff_of_12_bits_is_scaled_by_them(tmp_path):
    array = np.uint16([[0, 4095, 2000]])
    tifffile.imwrite(
        tmp_path / "a.tif", array, bitspersample=12, photometric="minisblack"
    )
    image = images.read(tmp_path / "a.tif")
    assert image.bits == 16
    np.testing.assert_allclose(
        image.pixels[0, :, 0], array[0] / 4095, rtol=1e-6
    )


def test_tiff_in_cmyk_of_16_bits_says_that_it_is_reduced(tmp_path):
    array = numbers(4, 5, 4, bits=16)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="separated")
    image = images.read(tmp_path / "a.tif")
    assert image.bits == 8
    assert image.pixels.shape == (4, 5, 3)
    assert any("reduced to 8" in note for note in image.notes)


# --- CMYK --------------------------------------------------------------------


def cmyk_profile():
    """A profile whose ink does the unexpected: cyan is all that darkens."""

    def tag(kind, content):
        return kind + bytes(4) + content

    table = b"".join(
        bytes([0 if index & 8 else 255, 128, 128]) for index in range(16)
    )
    identity = [1 << 16 if i % 4 == 0 else 0 for i in range(9)]
    lut = bytes([4, 3, 2, 0]) + struct.pack(">9i", *identity)
    lut += bytes(range(256)) * 4 + table + bytes(range(256)) * 3
    tags = {
        b"A2B0": tag(b"mft1", lut),
        b"desc": tag(b"desc", struct.pack(">I", 2) + b"x\0" + bytes(78)),
        b"cprt": tag(b"text", b"none\0"),
        b"wtpt": tag(b"XYZ ", struct.pack(">3i", 63190, 65536, 54061)),
    }
    body, index = b"", struct.pack(">I", len(tags))
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        index += name + struct.pack(">II", start + len(body), len(content))
        body += content
    head = struct.pack(">I4sI", start + len(body), b"none", 0x02400000)
    head += b"prtrCMYKLab " + bytes(12) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + index + body


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_goes_through_its_profile(pillow_file, tmp_path, suffix):
    picture = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # plainly: red
    path = pillow_file(picture, f"a.{suffix}", icc_profile=cmyk_profile())
    image = images.read(path)
    np.testing.assert_allclose(image.pixels, 1, atol=0.03)  # white, no cyan
    assert image.icc is None
    assert image.notes == ("CMYK: converted to sRGB by its colour profile",)
    images.write(tmp_path / "out.jpg", image)
    assert "icc_profile" not in Image.open(tmp_path / "out.jpg").info


@pytest.mark.parametrize("profile", [None, b"rubbish"])
def test_cmyk_without_a_usable_profile(pillow_file, profile):
    picture = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    image = images.read(pillow_file(picture, "a.jpg", icc_profile=profile))
    np.testing.assert_allclose(image.pixels[8, 8], [1, 0, 0], atol=0.02)
    assert image.icc is None
    assert "plain formula" in image.notes[0]


# --- first of several --------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("a.gif", "animation: only the first of 5 frames is used"),
        ("a.webp", "animation: only the first of 5 frames is used"),
        ("a.png", "animation: only the first of 5 frames is used"),
        ("a.tif", "several pages: only the first of 5 pages is used"),
        ("a.mpo", "several pictures: only the first of 5 pictures is used"),
    ],
)
def test_first_of_several(pillow_file, name, note):
    first, *others = [
        Image.new("RGB", (9, 7), (i * 50, 9, 9)) for i in range(5)
    ]
    path = pillow_file(first, name, save_all=True, append_images=others)
    image = images.read(path)
    assert image.notes == (note,)
    np.testing.assert_allclose(image.pixels[3, 3, 0], 0, atol=0.02)


def test_transparent_gif(pillow_file):
    picture = Image.new("P", (2, 1))
    picture.putpalette([9, 8, 7, 6, 5, 4])
    picture.putpixel((1, 0), 1)
    image = images.read(pillow_file(picture, "a.gif", transparency=1))
    np.testing.assert_array_equal(stored(image)[0, 0], [9, 8, 7, 255])
    np.testing.assert_array_equal(image.alpha[0, :, 0], [1, 0])
