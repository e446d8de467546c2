"""Variables, variable scopes and initialisers."""
