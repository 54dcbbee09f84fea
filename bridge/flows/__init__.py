"""The verbs of the product, one file each, over ports alone. README.md tells in which order a study meets them."""
