"""What was received, read within limits: structure, text, values, headers; never an exception that is not ours."""
