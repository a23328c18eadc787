"""Hypothesis on machines that are busy: how long one example takes says nothing."""

from hypothesis import settings

settings.register_profile("busy", deadline=None)
settings.load_profile("busy")
