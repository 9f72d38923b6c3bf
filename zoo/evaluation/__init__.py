"""How good a model is, and where it fails."""
