"""Kernels: optical flow on a grid and overlap-add, for CPUs and CUDA."""
