"""The guarantee: nothing an algorithm finds leaves until a clinician has endorsed exactly that content.

Standard library only; no input or output, no clock, no randomness. Read README.md first.
"""
