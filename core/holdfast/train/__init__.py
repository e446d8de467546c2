"""Gradients and optimisers."""
