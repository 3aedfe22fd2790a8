"""Experiments: grids of independent tasks with kept results, which end in a table and a figure and can be interrupted."""
