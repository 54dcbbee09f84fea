"""DICOM in and out: listener, headers, series as volumes, frames for the viewer; reports, segmentations, sending."""

from pydicom import config

config.settings.reading_validation_mode = config.IGNORE
"""pydicom's validation warns, and quotes the value it warns of: names, dates of birth, UIDs. It has no setting for one
call. What we rely on we check ourselves; what we write is validated as before."""
