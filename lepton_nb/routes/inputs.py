"""Files as parameters: pictures, sounds, arrays and bytes, in base64, from forms, or as raw bodies."""

from __future__ import annotations

import io
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np
from PIL import Image
from pydantic import PlainValidator, WithJsonSchema

from lepton_nb.tasks import InputError
from lepton_nb.tasks.arrays import read_npy
from lepton_nb.tasks.bodies import decode_base64
from lepton_nb.tasks.images import open_picture

_LONGEST_SOUND = 3600 * 48_000  # frames


@dataclass(frozen=True)
class Audio:
    """A sound, as a parameter or a result of a route.

    Attributes:
        samples: float32 ``(frames,)`` or ``(frames, channels)``, from -1 to 1.
        rate: Frames a second.
    """

    samples: np.ndarray
    rate: int


@dataclass(frozen=True)
class Upload:
    """A file as it came: in a form, or as the whole body."""

    content: bytes
    media_type: str = ""


@dataclass(frozen=True)
class FileKind:
    """A type of parameter that is sent as a file.

    Attributes:
        media: What it takes, for the documentation and the page, such as ``image/*``.
        read: Bytes to value; raises `ValueError` or `InputError`.
        lists: Whether JSON may also give it as nested lists of numbers.
    """

    media: tuple[str, ...]
    read: Callable[[bytes], Any]
    lists: bool = False

    def takes(self, media_type: str) -> bool:
        major = media_type.partition("/")[0]
        return any(known in ("*/*", media_type, f"{major}/*") for known in self.media)

    def parse(self, value: Any) -> Any:
        """A value from a request (base64 text, an upload, a nested list) as what the route gets."""
        if isinstance(value, Upload):
            return self._read(value.content)
        if isinstance(value, str):
            try:
                content = decode_base64(value)
            except ValueError as error:
                raise ValueError(f"this is not base64: {error}") from None
            return self._read(content)
        if self.lists and isinstance(value, list):
            return _from_lists(value)
        raise ValueError("expected a file in base64" + (", or lists of numbers" if self.lists else ""))

    def _read(self, content: bytes) -> Any:
        try:
            return self.read(content)
        except InputError as error:
            raise ValueError(str(error)) from None

    def schema(self) -> dict[str, Any]:
        file = {"type": "string", "contentEncoding": "base64", "contentMediaType": ", ".join(self.media)}
        return {"anyOf": [file, {"type": "array", "items": {}}]} if self.lists else file


def wire_type(annotation: Any) -> Any:
    """An annotation as pydantic reads it from a request: files become validators of base64 and uploads.

    Raises:
        TypeError: If it can never come over HTTP; the message says what to write instead.
    """
    kind = _FILES.get(annotation if isinstance(annotation, type) else get_origin(annotation))
    if kind is not None:
        return Annotated[Any, PlainValidator(kind.parse), WithJsonSchema(kind.schema())]
    if isinstance(annotation, types.ModuleType):
        raise TypeError(f"{annotation.__name__} is a module" + _CLASS_IN.get(annotation.__name__, ""))
    if getattr(annotation, "__module__", "").partition(".")[0] == "torch":
        raise TypeError("a tensor cannot come over HTTP; take np.ndarray and write torch.from_numpy(…)")
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is None or origin is Literal or not inner:
        return annotation
    if origin is Annotated:
        return Annotated[(wire_type(inner[0]), *inner[1:])]
    if origin in (Union, types.UnionType):
        return Union[tuple(wire_type(item) for item in inner)]  # noqa: UP007
    if origin in (list, tuple, set, frozenset, dict):
        return origin[tuple(item if item is ... else wire_type(item) for item in inner)]
    return annotation


def file_kind(annotation: Any) -> FileKind | None:
    """The kind of file a parameter takes, also where it may be None; None where it is no single file."""
    kind = _FILES.get(annotation if isinstance(annotation, type) else get_origin(annotation))
    if kind is None and get_origin(annotation) in (Union, types.UnionType):
        inner = [item for item in get_args(annotation) if item is not type(None)]
        return file_kind(inner[0]) if len(inner) == 1 else None
    return kind


def _array(content: bytes) -> np.ndarray:
    """A ``.npy`` file, or a picture as uint8 ``(H, W)`` or ``(H, W, C)``."""
    if content[:6] == b"\x93NUMPY":
        return read_npy(content)
    try:
        return np.asarray(open_picture(content))
    except InputError:
        raise InputError("this is neither a .npy file nor a picture") from None


def _from_lists(value: list[Any]) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError("the nested lists are not all of one length") from None
    if array.dtype.kind not in "biuf":
        raise ValueError("the nested lists must hold numbers alone")
    return array


def _audio(content: bytes) -> Audio:
    try:
        import soundfile
    except ImportError:
        return _read_wav(content)
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            if file.frames > _LONGEST_SOUND:
                raise InputError(f"the sound has {file.frames:,} frames, more than {_LONGEST_SOUND:,}")
            return Audio(file.read(dtype="float32"), file.samplerate)
    except (RuntimeError, ValueError, TypeError) as error:
        raise InputError(f"the sound cannot be read: {error}") from None


def _read_wav(content: bytes) -> Audio:
    """A WAV file of whole numbers, which needs only Python."""
    import wave

    try:
        with wave.open(io.BytesIO(content)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise InputError(f"the sound is not a WAV file this reads: {error}; install soundfile") from None
    if width not in (1, 2, 4):
        raise InputError(f"the WAV file has {8 * width} bits a sample, expected 8, 16 or 32")
    whole = np.frombuffer(raw[: len(raw) // (width * channels) * width * channels], f"<i{width}")
    if width == 1:  # the only width that WAV stores without a sign
        whole = (whole.view(np.uint8).astype(np.int16) - 128).astype(np.int8)
    samples = whole.astype(np.float32) / float(1 << (8 * width - 1))
    return Audio(samples.reshape(-1, channels) if channels > 1 else samples, rate)


def write_wav(audio: Audio) -> bytes:
    """A sound as a 16-bit WAV file."""
    import wave

    samples = np.asarray(audio.samples, dtype=np.float32)
    whole = (samples.clip(-1, 1) * 32767).round().astype("<i2")
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1 if whole.ndim == 1 else whole.shape[1])
        file.setsampwidth(2)
        file.setframerate(int(audio.rate))
        file.writeframes(whole.tobytes())
    return stream.getvalue()


_FILES: dict[typing.Any, FileKind] = {
    Image.Image: FileKind(("image/*",), open_picture),
    np.ndarray: FileKind(("application/x-npy", "image/*"), _array, lists=True),
    Audio: FileKind(("audio/*",), _audio),
    bytes: FileKind(("*/*",), bytes),
}
_CLASS_IN = {"PIL.Image": "; write Image.Image", "numpy": "; write np.ndarray"}
