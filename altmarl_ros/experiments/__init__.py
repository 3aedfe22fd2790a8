"""Tables and figures that answer a question about the method: grids of independent tasks, cached and resumable."""
