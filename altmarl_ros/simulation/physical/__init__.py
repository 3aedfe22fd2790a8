"""A simulated floor with physical robots: bodies that move, collide, see, drift, run empty and fail."""
