"""The main job with real peers: a study or a stay in, a clinician endorses, exactly that out."""
