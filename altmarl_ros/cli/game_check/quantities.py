"""Words for numbers, bytes and durations of any size."""

from __future__ import annotations


def number_text(value: int) -> str:
    """Write a number in full, or by its power of ten where it has more than ten digits."""
    return f"{value:,}" if value < 10**10 else f"{value:.1e}"


def memory_text(size: int) -> str:
    """Write bytes [byte] in MiB or GiB."""
    return (
        f"{size / 2**20:,.1f} MiB"
        if size < 2**30
        else f"{number_text(size >> 30)} GiB"
        if size >= 100 << 30
        else f"{size / 2**30:.1f} GiB"
    )


def duration_text(seconds: float) -> str:
    """Write a duration [s] in seconds, minutes or hours."""
    if seconds < 120.0:
        return f"{seconds:.0f} s" if seconds >= 1.0 else f"{seconds:.1g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200.0 else f"{seconds / 3600:,.0f} h"
