"""CUDA kernels and their host twins: one body, compiled by nvcc and by a plain C++ compiler.

Nothing of this folder is imported where no GPU is used. `table` names the kernels and packs their
arguments, `build` finds or makes the fat binary, `twin` runs the same bodies on the host.
"""
