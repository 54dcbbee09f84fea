"""The one place where objects meet: settings in, processes out. Nothing here decides anything."""
