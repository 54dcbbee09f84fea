"""The ways out: associations kept open, storage, and the proof that an archive has exactly what was sealed."""
