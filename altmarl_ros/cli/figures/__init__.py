"""The pictures that commands write, drawn by matplotlib."""
