"""What goes out, made from a release: segmentation, report, rejection note. Same endorsement, same bytes."""
