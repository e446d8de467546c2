"""Modules at the places where TensorFlow 1.x has them."""
