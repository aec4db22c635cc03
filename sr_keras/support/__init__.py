"""Files, folders, signals and the console."""
