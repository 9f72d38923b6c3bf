"""From a trained Keras model to the graph that servers run: folded, frozen, of core ops."""
