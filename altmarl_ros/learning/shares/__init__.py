"""G-LEARN over shares of robots: value vectors for every number of reports and robots, and what bounds them.
Import modules by name: they load the compiled solver.
"""

__all__: list[str] = []
