"""What every test shares."""

from hypothesis import settings

# Nothing is timed here: Hypothesis would fail an example that takes 200 ms, as any does on a machine that is busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
