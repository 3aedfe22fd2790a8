"""Writes films as mp4 (H.264, by the encoder of imageio-ffmpeg or an installed ffmpeg) or as gif (by Pillow)."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Iterable

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.errors import AltmarlError

SUFFIXES = (".mp4", ".gif")
"""Of files that can be written."""

_COLOURS = 128  # of a gif
_WORST = 1.0  # mean distance of a picture's colours to those of the one before, of 255

Frame = NDArray[np.uint8]
"""Picture [row, column, rgb]."""


def write_video(path: Path, frames: Iterable[Frame], rate: float, comment: str = "") -> int:
    """Write frames of one size at a rate [Hz], and a comment into the file; returns how many frames there were.

    The size of an mp4 is cut to even numbers.

    Raises:
        AltmarlError: there is no frame, the suffix is not in SUFFIXES, no encoder is installed, or the file cannot be written.
    """
    if path.suffix not in SUFFIXES:
        raise AltmarlError(f"{path}: must end in {' or '.join(SUFFIXES)}")
    partial = path.with_name(f"{path.stem}.part{path.suffix}")
    try:
        count = (_write_gif if path.suffix == ".gif" else _write_mp4)(partial, frames, rate, comment)
        if not count:
            raise AltmarlError(f"{path}: there is nothing to film")
        partial.replace(path)
    except OSError as error:
        raise AltmarlError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
    return count


def encoder() -> str:
    """Return the path of ffmpeg.

    Raises:
        AltmarlError: there is none.
    """
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        found = shutil.which("ffmpeg")
    if found is None:
        raise AltmarlError("mp4 needs an encoder: pip install altmarl_ros[physics], install ffmpeg, or write a .gif")
    return found


def _write_gif(path: Path, frames: Iterable[Frame], rate: float, comment: str) -> int:
    from PIL import Image

    pictures: list[Image.Image] = []
    for frame in frames:
        whole = Image.fromarray(frame)
        if pictures:  # the colours of the picture before, where they suit: what stands still then costs nothing
            alike = whole.quantize(palette=pictures[-1], dither=Image.Dither.NONE)
            if np.abs(np.asarray(alike.convert("RGB"), dtype=np.int16) - frame).mean() < _WORST:
                pictures.append(alike)
                continue
        pictures.append(whole.quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE))
    if pictures:
        if comment:
            pictures[0].info["comment"] = comment.encode()
        duration = round(1000.0 / rate)
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=duration, loop=0, optimize=False)
    return len(pictures)


def _write_mp4(path: Path, frames: Iterable[Frame], rate: float, comment: str) -> int:
    program, count = encoder(), 0
    process: subprocess.Popen[bytes] | None = None
    try:
        for frame in frames:
            even = np.ascontiguousarray(frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2])
            if process is None:
                size = f"{even.shape[1]}x{even.shape[0]}"
                raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", f"{rate:g}", "-i", "-"]
                coded = ["-an", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
                coded += ["-metadata", f"comment={comment}", str(path)]
                process = subprocess.Popen([program, "-y", "-loglevel", "error", *raw, *coded], stdin=subprocess.PIPE)
            assert process.stdin is not None
            process.stdin.write(even.tobytes())
            count += 1
    except BrokenPipeError:
        pass  # its exit code tells
    finally:
        if process is not None and process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()
    if process is not None and process.returncode:
        raise AltmarlError(f"{path}: the encoder ended with exit code {process.returncode}")
    return count
