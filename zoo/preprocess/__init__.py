"""Decoding, fitting to size, and the way back to original pixels.

One `Preprocessing` object runs in training, evaluation, prediction and inside the
served graph.
"""

from zoo.preprocess.batch import picture_errors as picture_errors
from zoo.preprocess.batch import read_batch as read_batch
from zoo.preprocess.decode import decode_image as decode_image
from zoo.preprocess.decode import picture_error as picture_error
from zoo.preprocess.decode import upright_size as upright_size
from zoo.preprocess.headers import Header as Header
from zoo.preprocess.headers import orientation as orientation
from zoo.preprocess.headers import read_header as read_header
from zoo.preprocess.masks import IGNORE as IGNORE
from zoo.preprocess.masks import decode_mask as decode_mask
from zoo.preprocess.preprocessing import MASK_SIZE as MASK_SIZE
from zoo.preprocess.preprocessing import Origin as Origin
from zoo.preprocess.preprocessing import Preprocessing as Preprocessing
from zoo.preprocess.stored import orient as orient
from zoo.values import CHANNELS as CHANNELS
from zoo.values import MAX_PIXELS as MAX_PIXELS
