"""A launch: another system opens the desk on one exam, by an address that says which."""
