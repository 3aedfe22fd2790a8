"""Tables and figures that answer a question about the method: grids of independent tasks, cached and resumable.

Import modules by name: they load the compiled solver.
"""

__all__: list[str] = []
