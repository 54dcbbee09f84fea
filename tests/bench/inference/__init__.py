"""What running a model through the worker costs, beside the bare session on the same tensors."""
