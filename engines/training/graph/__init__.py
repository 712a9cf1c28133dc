"""Fewer nodes in exported engines: the same outputs from a graph that is cheaper to run.

A node costs a launch on a GPU and about a microsecond on a CPU, however small it is, and an engine
that answers in half a millisecond has hundreds of them. `model` is a graph that can be rewritten,
`rules` are the rewritings of a few nodes, `flatten` drops an axis of length one, `simplify` applies
all of them and compares, `launches` estimates what an engine costs on a GPU.
`python -m synchresis.engines.training.graph PACK` does a pack.
"""
