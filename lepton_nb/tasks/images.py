"""Pictures as model inputs: decoding and scaling that training, evaluation and the service share."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError, features

from lepton_nb.signature import Signature
from lepton_nb.tasks.answers import Answers
from lepton_nb.tasks.arrays import as_numpy
from lepton_nb.tasks.base import Arrays, Form, InputError
from lepton_nb.tasks.bodies import decode_base64, items_of, kind_of, request_schema
from lepton_nb.tasks.dicom import is_dicom, open_dicom
from lepton_nb.tasks.tensors import NPY, TensorCodec
from lepton_nb.tasks.wide_pictures import ValueRange, in_eight_bits, wide_values

Mode = Literal["RGB", "L"]
Fit = Literal["stretch", "pad", "fit", "crop"]
ImageSource = bytes | str | Path | Image.Image | np.ndarray

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", *(("AVIF",) if features.check("avif") else ()))
MAX_PIXELS = 50_000_000
"""A picture with more pixels is refused before it is decoded: a small file can claim any size."""

GREY = 128
"""What a padded picture is filled up with."""
_FITTED: dict[str, Callable[..., Image.Image]] = {
    "stretch": Image.Image.resize,
    "fit": ImageOps.pad,
    "crop": ImageOps.fit,
}
_SHRINK_FACTOR = 2  # a JPEG is decoded at no less than twice the size it is then resized to


class ImageCodec(TensorCodec):
    """Takes ``{"image": base64}``, ``{"images": [base64, ...]}`` and the bytes of picture files."""

    kind: ClassVar[str] = "image"
    form: ClassVar[Form] = Form(
        "image",
        "image",
        (*(f"image/{kind}" for kind in ("png", "jpeg", "webp", "bmp", "gif", "tiff", "*")), NPY),
        requirements=("pillow",),
    )

    def __init__(self, signature: Signature, answers: Answers) -> None:
        super().__init__(signature, answers)
        self.forms = {"image": self._from_one, "images": self._from_many, **self.forms}
        settings = signature.preprocessing
        self._mode = cast(Mode, settings["mode"])
        self._size: tuple[int, int] = (int(settings["size"][0]), int(settings["size"][1]))
        self._short_side: int | None = settings.get("short_side")
        self._range: ValueRange | None = settings.get("range")
        self._fit: Fit = settings.get("fit", "stretch")
        self._mean, self._std = settings["mean"], settings["std"]

    def prepare(self, value: Any) -> Arrays:
        """Also takes paths, the bytes of picture files, PIL pictures and uint8 arrays, alone or in a list."""
        value = as_numpy(value)
        if isinstance(value, Mapping):
            return self.decode_json(value)
        if isinstance(value, list | tuple) and value and _is_picture(as_numpy(value[0])):
            return self._batch([as_numpy(item) for item in value])
        return self._batch([value]) if _is_picture(value) else self.from_tensors(value)

    def decode_bytes(self, body: bytes, media_type: str) -> Arrays:
        if media_type.startswith("image/"):
            return self._batch([body])
        return super().decode_bytes(body, media_type)

    def request_schema(self) -> dict[str, Any]:
        picture = {
            "type": "string",
            "contentEncoding": "base64",
            "description": "a PNG, JPEG, WebP, BMP, GIF or TIFF file in base64, or a data: URL of one",
        }
        several = {"type": "array", "items": picture, "minItems": 1}
        return request_schema({"image": picture, "images": several, "inputs": self.inputs_schema()})

    def example(self) -> dict[str, Any]:
        height, width = self._size
        stream = io.BytesIO()
        Image.new("L", (width, height), 128).save(stream, "PNG", optimize=True)
        return {"image": base64.b64encode(stream.getvalue()).decode()}

    def _from_one(self, value: Any) -> Arrays:
        return self._batch([_decode_text(value, "image", None)])

    def _from_many(self, value: Any) -> Arrays:
        texts = items_of(value, "images")
        return self._batch([_decode_text(text, f"images[{i}]", i) for i, text in enumerate(texts)])

    def _batch(self, sources: Sequence[Any]) -> Arrays:
        return (normalise(np.stack(self._loaded(sources)), self._mean, self._std),)

    def _loaded(self, sources: Sequence[Any]) -> list[Any]:
        pictures = []
        for index, source in enumerate(sources):
            try:
                pictures.append(self._load(source))
            except InputError as error:
                where = f"picture {index}: " if len(sources) > 1 else ""
                raise InputError(f"{where}{error}", index) from error
        return pictures

    def _load(self, source: Any) -> Any:
        return load_image(source, self._mode, self._size, self._short_side, self._range, self._fit)


def load_image(
    source: ImageSource,
    mode: Mode,
    size: Sequence[int] | None,
    short_side: int | None = None,
    value_range: ValueRange | None = None,
    fit: Fit = "stretch",
) -> np.ndarray:
    """A picture as uint8 ``(C, H, W)``: upright by its EXIF orientation, converted, then resized.

    Args:
        source: The bytes of a picture file, its path, a PIL picture, a uint8 array ``(H, W)``, ``(H, W, C)``
            or ``(C, H, W)``, or a uint16 array ``(H, W)``.
        mode: ``RGB`` or ``L`` (grey).
        size: ``(height, width)`` of the result; None keeps the picture's own.
        short_side: Resize the shorter side to this and cut `size` from the middle, as torchvision's
            ``Resize(short_side)`` and ``CenterCrop(size)`` do; None resizes to `size` at once.
        value_range: What is black and what white in pictures of more than 8 bits a channel; None takes the
            upper 8 bits.
        fit: ``stretch`` to `size`; ``fit``, as large as fits, on black; ``crop``, as large as covers it, cut
            at the edges; or ``pad`` to keep the shape and fill up with grey at the right and below.

    Raises:
        InputError: If it is no picture, is damaged, or is larger than `MAX_PIXELS`.
    """
    picture = _check_size(_open(source))
    if size is not None and picture.format == "JPEG" and picture is not source:
        enough = _SHRINK_FACTOR * (short_side or max(size))
        picture.draft(None, (enough, enough))
    try:
        picture = _convert(_upright(in_eight_bits(picture, value_range)), mode)
    except Exception as error:  # PIL's decoders raise nearly anything on a damaged file
        raise InputError(f"the {picture.format or 'picture'} is damaged: {error}") from error
    if size is not None and short_side is not None:
        picture = _resize_and_crop(picture, size, short_side)
    elif size is not None and fit == "pad":
        picture = _padded(picture, size)
    elif size is not None and picture.size != (size[1], size[0]):
        picture = _FITTED[fit](picture, (size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def shown_size(given: Sequence[int], size: Sequence[int], fit: Fit) -> tuple[int, int]:
    """Height and width that a picture has within one of `size`, from its top left corner on.

    Args:
        given: Height and width of the picture.
    """
    if fit == "stretch":
        return int(size[0]), int(size[1])
    scale = min(size[0] / given[0], size[1] / given[1])
    return max(1, round(given[0] * scale)), max(1, round(given[1] * scale))


def upright_size(picture: Image.Image) -> tuple[int, int]:
    """Height and width of a picture once it is upright by its EXIF orientation; its header is enough."""
    width, height = picture.size
    turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    return (width, height) if turned else (height, width)


def open_header(source: ImageSource) -> Image.Image:
    """A picture of which only the header is read; its size is checked.

    Raises:
        InputError: If it is no picture, or is larger than `MAX_PIXELS`.
    """
    return _check_size(_open(source))


def open_picture(content: bytes) -> Image.Image:
    """The picture in the bytes of a file: upright by its EXIF orientation, decoded, in the file's own mode.

    Raises:
        InputError: If it is no picture, is damaged, or is larger than `MAX_PIXELS`.
    """
    picture = _check_size(_open(content))
    try:
        picture.load()
        return _upright(picture)
    except Exception as error:  # PIL's decoders raise nearly anything on a damaged file
        raise InputError(f"the {picture.format or 'picture'} is damaged: {error}") from error


def open_wide(content: bytes | Image.Image) -> np.ndarray | None:
    """The values of a picture of more than 8 bits a channel; None for another.

    Raises:
        InputError: If it is no picture, is damaged, or is larger than `MAX_PIXELS`.
    """
    picture = _check_size(_open(content))
    try:
        return wide_values(picture)
    except Exception as error:  # PIL's decoders raise nearly anything on a damaged file
        raise InputError(f"the {picture.format or 'picture'} is damaged: {error}") from error


def normalise(batch: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """uint8 ``(N, C, H, W)`` as float32: ``(x / 255 - mean) / std`` for each channel."""
    scale = 1.0 / (255.0 * np.asarray(std, dtype=np.float64))
    shift = np.asarray(mean, dtype=np.float64) / np.asarray(std, dtype=np.float64)
    scaled = batch.astype(np.float32)
    scaled *= scale.astype(np.float32)[:, None, None]
    scaled -= shift.astype(np.float32)[:, None, None]
    return scaled


def _open(source: ImageSource) -> Image.Image:
    """The picture behind `source`; of a file, only the header is read."""
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, bytes) and not source:
        raise InputError("the picture has no bytes")
    if is_dicom(source):
        return open_dicom(source)
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        return Image.open(stream, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise InputError(f"{_called(source)} is not a picture this reads ({', '.join(FORMATS)})") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"the picture is too large: {error}") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{_called(source)} cannot be read: {error}") from error


def _check_size(picture: Image.Image) -> Image.Image:
    """`picture`, before any of its pixels is decoded, where its header claims a size that can be."""
    width, height = picture.size
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise InputError(f"the picture has {width} × {height} pixels, more than the {limit} million allowed")
    if width * height == 0:
        raise InputError(f"the picture is empty: {width} × {height} pixels")
    return picture


def _upright(picture: Image.Image) -> Image.Image:
    if picture.getexif().get(ExifTags.Base.Orientation, 1) == 1:
        return picture
    return ImageOps.exif_transpose(picture)


def _convert(picture: Image.Image, mode: Mode) -> Image.Image:
    picture.load()
    return picture.convert(mode) if picture.mode != mode else picture


def _padded(picture: Image.Image, size: Sequence[int]) -> Image.Image:
    height, width = shown_size((picture.height, picture.width), size, "pad")
    whole = Image.new(picture.mode, (size[1], size[0]), (GREY,) * len(picture.getbands()))
    whole.paste(picture.resize((width, height), Image.Resampling.BILINEAR))
    return whole


def _resize_and_crop(picture: Image.Image, size: Sequence[int], short_side: int) -> Image.Image:
    """The middle of `picture` once its shorter side is `short_side`, rounded as torchvision rounds."""
    width, height = (int(short_side * side / min(picture.size)) for side in picture.size)
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    top, left = round((height - size[0]) / 2), round((width - size[1]) / 2)
    return picture.crop((left, top, left + size[1], top + size[0]))


def _from_array(array: np.ndarray) -> Image.Image:
    if not _has_pixels(array):
        raise InputError(
            "a picture as an array must be uint8 (H, W) or (H, W, C), or uint16 (H, W), "
            f"got {array.dtype} {array.shape}"
        )
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4) and array.shape[0] in (1, 3, 4):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim == 3 and array.shape[2] not in (3, 4):
        raise InputError(f"a picture has 1, 3 or 4 channels, got an array of shape {array.shape}")
    return Image.fromarray(np.ascontiguousarray(array))


def _has_pixels(array: np.ndarray) -> bool:
    return (array.dtype == np.uint8 and array.ndim in (2, 3)) or (
        array.dtype == np.uint16 and array.ndim == 2
    )


def _is_picture(value: Any) -> bool:
    """Whether `value` is a picture rather than model inputs: by type, and for arrays by dtype and rank."""
    if isinstance(value, np.ndarray):
        return _has_pixels(value)
    return isinstance(value, bytes | str | Path | Image.Image)


def _decode_text(value: Any, key: str, index: int | None) -> bytes:
    if not isinstance(value, str):
        raise InputError(f"{key!r} must be a picture file in base64, got {kind_of(value)}", index)
    if value.startswith(("http://", "https://")):
        raise InputError(f"{key!r} is a link: send the picture itself in base64", index)
    try:
        return decode_base64(value)
    except ValueError as error:
        raise InputError(f"{key!r} is not valid base64: {error}", index) from error


def _called(source: ImageSource) -> str:
    return str(source) if isinstance(source, str | Path) else "the body"
