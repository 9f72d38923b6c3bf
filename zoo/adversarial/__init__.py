"""Small changes to a picture's pixels that are made to mislead a network.

Importing this package imports neither tensorflow nor keras, so that a recipe which names an
attack is read at once; `zoo.adversarial.perturb` imports it.
"""

from zoo.adversarial.attack import Attack as Attack
