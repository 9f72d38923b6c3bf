"""COCO's JSON files: reading them, finding their pictures, and what their objects come to."""

from zoo.data.files.coco.listing import Listed, Listing, find_listings, is_listing, read_listing
from zoo.data.files.coco.objects import annotation_of, mask_of
from zoo.data.files.coco.pictures import place_pictures, unlisted

__all__ = [
    "Listed",
    "Listing",
    "annotation_of",
    "find_listings",
    "is_listing",
    "mask_of",
    "place_pictures",
    "read_listing",
    "unlisted",
]
