"""What comes in: the listener, STOW-RS, notices, storage commitment; who may speak, and what is kept before 0x0000."""
