"""Where places go, by formulas of the documentation, in float64: shares nothing with the code."""

import numpy as np
from scipy.interpolate import BSpline

SIDE = 128
_NAMES = (
    ("flip", "vertical_flip", "rotate", "zoom", "translate_y", "translate_x"),
    ("brightness", "contrast", "saturation", "crop_height", "crop_width", "crop_y", "crop_x"),
    ("patch_y", "patch_x", "shear_x", "shear_y", "perspective_x", "perspective_y"),
)
COLUMNS = {name: number for number, name in enumerate(sum(_NAMES, ()))}
FIRST_ELASTIC = 27


def matrix(options, row):
    """The 3 x 3 map of pixels, the first one's corner at (0, 0), that options and chances mean."""

    def either(name, option):
        return (2 * row[COLUMNS[name]] - 1) * options.get(option, 0)

    def mirrored(name):
        return -1 if options.get(name) and row[COLUMNS[name]] < 0.5 else 1

    zoom = options.get("zoom", 0)
    scale = (1 - zoom) * ((1 + zoom) / (1 - zoom)) ** row[COLUMNS["zoom"]]
    angle = np.radians(either("rotate", "rotate"))
    cosine, sine = np.cos(angle), np.sin(angle)
    crop = options.get("crop", 0)
    window = [1 - crop * row[COLUMNS[f"crop_{side}"]] for side in ("width", "height")]
    corner = [
        row[COLUMNS[f"crop_{axis}"]] * (1 - share) * SIDE
        for axis, share in zip("xy", window, strict=True)
    ]
    steps = [
        [[1, 0, -SIDE / 2], [0, 1, -SIDE / 2], [0, 0, 1]],
        [
            [1, 0, 0],
            [0, 1, 0],
            [*(either(f"perspective_{axis}", "perspective") / SIDE for axis in "xy"), 1],
        ],
        np.diag([mirrored("flip"), mirrored("vertical_flip"), 1]),
        [[1, np.tan(np.radians(either("shear_x", "shear"))), 0], [0, 1, 0], [0, 0, 1]],
        [[1, 0, 0], [np.tan(np.radians(either("shear_y", "shear"))), 1, 0], [0, 0, 1]],
        [[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]],
        np.diag([scale, scale, 1]),
        [
            [1, 0, SIDE / 2 + SIDE * either("translate_x", "translate")],
            [0, 1, SIDE / 2 + SIDE * either("translate_y", "translate")],
            [0, 0, 1],
        ],
        [
            [1 / window[0], 0, -corner[0] / window[0]],
            [0, 1 / window[1], -corner[1] / window[1]],
            [0, 0, 1],
        ],
    ]
    whole = np.eye(3)
    for step in steps:
        whole = np.array(step) @ whole
    return whole


def apply(mapping, points):
    """Moves points [..., 2] by a 3 x 3 map."""
    moved = np.concatenate([points, np.ones_like(points[..., :1])], -1) @ mapping.T
    return moved[..., :2] / moved[..., 2:]


class Bend:
    """The displacement of places, in pixels, where they land."""

    def __init__(self, options, row):
        self.points = None
        if options.get("elastic"):
            points = (2 * row[FIRST_ELASTIC:] - 1) * options["elastic"] * SIDE
            # Nothing beyond the outermost points.
            self.points = np.pad(points.reshape(6, 6, 2), [(4, 4), (4, 4), (0, 0)])

    def at(self, places):
        """Of places [m, 2]."""
        if self.points is None:
            return np.zeros_like(places)
        x, y = places.T
        rows = np.einsum("py,yxk->pxk", _weights(y), self.points)
        return np.einsum("px,pxk->pk", _weights(x), rows)

    def landing(self, points):
        """Where points [m, 2] go: what lies at p + displacement(p) goes to p."""
        found = points
        for _ in range(0 if self.points is None else 25):
            found = points - self.at(found)
        return found

    def of_pixels(self):
        """Of the centres of all pixels, [SIDE, SIDE, 2]."""
        if self.points is None:
            return 0.0
        rows = np.einsum("ny,yxk->nxk", _PIXELS, self.points)
        return np.einsum("mx,nxk->nmk", _PIXELS, rows)


def _weights(places):
    # A cubic over each third of the picture; the knots go on for four thirds beyond.
    knots = np.arange(-7, 11)
    return BSpline.design_matrix(np.clip(places * 3 / SIDE, -4, 7), knots, 3).toarray()


_PIXELS = _weights(np.arange(SIDE) + 0.5)
