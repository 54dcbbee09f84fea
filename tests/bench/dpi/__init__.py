"""`make bench-dpi`: how fast the record's doors take, beside the record itself."""
