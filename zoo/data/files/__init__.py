"""What the formats that read a user's own files share: headers, splits, boxes, masks."""
