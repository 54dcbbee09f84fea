"""DICOM in, beside Orthanc, DCMTK and plain pynetdicom. See tests/bench/README.md."""
