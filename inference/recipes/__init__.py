"""How a package's numbers become a proposal. A card names its recipe; recipes are code, never data."""
