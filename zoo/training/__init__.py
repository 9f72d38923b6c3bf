"""From a recipe to a trained network in a run folder."""
