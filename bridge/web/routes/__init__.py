"""Addresses of the desk: the API under /api, pages beside it, health for whoever watches the process."""
