"""Nodes that simulate robots and the world around them."""
