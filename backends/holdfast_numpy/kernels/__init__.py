"""Kernels in which NumPy does better than the generic ones: into given buffers, in place, and block by block."""
