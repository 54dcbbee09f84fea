"""What we ask other archives for: what there should be, what is missing, what is to be done."""
