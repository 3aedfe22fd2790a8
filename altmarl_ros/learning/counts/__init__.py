"""G-LEARN over count vectors, the paper's: the backups, and the ladder's rungs from the values of the one below.
Import modules by name: they load the compiled solver.
"""

__all__: list[str] = []
