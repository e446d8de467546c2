"""What goes with sessions, at the places where TensorFlow 1.x has it."""
