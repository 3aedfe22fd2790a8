"""Films of recorded runs: what each frame shows, how it is drawn, and the video files."""

__all__: list[str] = []
