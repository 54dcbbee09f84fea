"""A patient whose traits occur nowhere else, through success and failure; then every place is searched for them."""
