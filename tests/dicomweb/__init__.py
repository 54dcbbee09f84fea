"""DICOMweb as other viewers use it, over a real store, a real vault and real DICOM files."""
