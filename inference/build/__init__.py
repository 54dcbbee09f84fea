"""Scripts that make the shipped packages from what others published. Not needed to run Aval."""
