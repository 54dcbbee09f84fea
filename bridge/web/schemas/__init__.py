"""What the API takes and gives, as documented types close to the values of ``guarantee``.

Numbers with a fraction are text, exactly as the content writes them ("412.50"); times are UTC text with microseconds.
"""
