"""A series as one regular volume, and frames for the viewer: decoded within limits."""
