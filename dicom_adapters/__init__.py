"""DICOM in and out: listener, headers, series as volumes, frames for the viewer; reports, segmentations, sending."""
