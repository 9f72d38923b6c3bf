"""Names in a training batch beside the picture's and its targets'.

A mixed picture shows two examples, and has the targets of both.
"""

SHARE = "share"  # float32 [n], 0..1: the weight of the targets
OTHER = "other_"  # before a target's name: the other example's, whose weight is the rest
