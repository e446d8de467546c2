"""Kernels written once against the array API."""
