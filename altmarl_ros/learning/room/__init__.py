"""Best responses of robots that share limited room: a constrained Markov decision process, and what it says about prices.
Import modules by name: they load the solver of linear programmes.
"""

__all__: list[str] = []
