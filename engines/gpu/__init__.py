"""The media path on an NVIDIA GPU: a grey frame goes in, gesture maps and samples come out.

Everything is written against `device.Device`. `cuda_device` is the real one (PyCUDA and
cuda-bindings); the tests put the host twins of the kernels in its place.
"""
