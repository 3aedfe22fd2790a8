"""What `altmarl game check` tells of a game: its sizes, how fast it mixes, and what training on count vectors costs.
The command imports the modules by name, once it is called.
"""

__all__: list[str] = []
